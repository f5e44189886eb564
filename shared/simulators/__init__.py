"""A Salesforce and a CompanyCam that speak HTTP faithfully and can be told to misbehave."""
