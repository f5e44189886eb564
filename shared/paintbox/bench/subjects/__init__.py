"""What is measured in a process of its own: parts of the product, and what stands beside them. One module a process."""
