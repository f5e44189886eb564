"""The words that records are made of."""

from typing import Final

FIRST_NAMES: Final = (
    "Adaeze", "Adam", "Aisha", "Alejandra", "Amir", "Angela", "Anita", "Arjun", "Beatriz", "Benjamin", "Bethany",
    "Brandon", "Bridget", "Caleb", "Camila", "Carlos", "Charlotte", "Chiara", "Connor", "Daniela", "Darnell", "Deborah",
    "Dmitri", "Eleanor", "Elijah", "Emeka", "Emily", "Fatima", "Felix", "Gabriel", "Grace", "Gwendolyn", "Hana",
    "Henry", "Imani", "Isaac", "Isabella", "Jasmine", "Javier", "Jerome", "Jian", "Joanna", "José", "Kayla", "Keiko",
    "Kenneth", "Lakshmi", "Latoya", "Leila", "Leonard", "Lucía", "Magnus", "Malik", "Marguerite", "Mateo", "Mei",
    "Miriam", "Naomi", "Nathaniel", "Nia", "Nikolai", "Noor", "Olivia", "Omar", "Patrick", "Priya", "Rachel", "Rafael",
    "Rosa", "Ruth", "Samuel", "Sanjay", "Sienna", "Sofía", "Soren", "Tamara", "Terrence", "Thomas", "Valentina",
    "Victor", "Wei", "William", "Yasmin", "Yusuf", "Zachary", "Zoë",
)  # fmt: skip
LAST_NAMES: Final = (
    "Abernathy", "Adeyemi", "Ahmed", "Alvarez", "Anderson", "Bakker", "Banerjee", "Bergstrom", "Blackwood", "Brennan",
    "Calloway", "Castillo", "Chen", "Christensen", "Delgado", "Desai", "Dubois", "Eriksen", "Espinoza", "Farrell",
    "Fitzgerald", "Fontaine", "Friedman", "García", "Gallagher", "Goldberg", "Gupta", "Haddad", "Hargrove", "Hawthorne",
    "Hoffman", "Huang", "Ibarra", "Ivanov", "Jankowski", "Jefferson", "Johansson", "Kapoor", "Kaufman", "Kim",
    "Kowalski", "Kramer", "Lindqvist", "Lombardi", "MacLeod", "Marchetti", "McAllister", "Mbeki", "Mendoza", "Moreau",
    "Nakamura", "Nguyen", "Novak", "Nuñez", "O'Brien", "O'Connor", "Okafor", "Okonkwo", "Ortiz", "Osborne", "Park",
    "Patel", "Petrov", "Pruitt", "Quintero", "Ramírez", "Rasmussen", "Reyes", "Rosenthal", "Rutledge", "Santos",
    "Schneider", "Serrano", "Sharma", "Silva", "Sinclair", "Sørensen", "Stavros", "Sullivan", "Takahashi", "Thornton",
    "Tran", "Underwood", "Van Dyke", "Vasquez", "Villanueva", "Wallace", "Whitfield", "Winters", "Yamamoto",
    "Zielinski",
)  # fmt: skip
STREETS: Final = (
    "Alder Street", "Ash Avenue", "Aspen Court", "Bayview Drive", "Beech Street", "Birch Lane", "Briarwood Drive",
    "Canal Street", "Cedar Avenue", "Cherry Lane", "Chestnut Street", "Church Street", "Clover Court", "Cottage Grove",
    "Cypress Way", "Dogwood Drive", "Eastwood Avenue", "Elm Street", "Fairview Avenue", "Fern Hill Road",
    "Garfield Avenue", "Glenwood Road", "Grand Avenue", "Harrison Street", "Hawthorn Place", "Hickory Lane",
    "Highland Avenue", "Hillcrest Road", "Holly Court", "Jackson Street", "Juniper Way", "Kensington Road",
    "Lakeshore Drive", "Laurel Street", "Lincoln Avenue", "Linden Street", "Locust Street", "Magnolia Avenue",
    "Maple Street", "Meadow Lane", "Mill Road", "Monroe Street", "Mulberry Lane", "Oak Street", "Orchard Road",
    "Park Avenue", "Pearl Street", "Pine Street", "Poplar Drive", "Prairie Avenue", "Prospect Street", "Ridge Road",
    "River Road", "Rosewood Lane", "Spring Street", "Spruce Street", "Summit Avenue", "Sunset Drive", "Sycamore Street",
    "Vine Street", "Walnut Street", "Washington Avenue", "Willow Lane", "Woodland Drive",
)  # fmt: skip
UNITS: Final = ("Apt 2B", "Apt 14", "Unit 3", "Unit 7C", "Suite 110", "Suite 400", "Floor 2")

COMPANY_NAMES: Final = (
    "Alpine", "Anchor", "Beacon Hill", "Bluestem", "Brookside", "Cardinal", "Cedar Ridge", "Cobblestone",
    "Copper Kettle", "Cornerstone", "Crestview", "Eastgate", "Evergreen", "Fairmont", "Foxglove", "Gateway",
    "Granite Peak", "Greenfield", "Harborview", "Heartland", "Heritage", "Ironwood", "Kingfisher", "Lakeview",
    "Lighthouse", "Limestone", "Longmeadow", "Magnolia", "Meridian", "Millstone", "Northwind", "Oakhurst", "Old Mill",
    "Parkside", "Pinnacle", "Prairie Rose", "Quarry Lane", "Redstone", "Ridgeline", "Riverbend", "Rosewood",
    "Saddleback", "Silver Birch", "Southgate", "Stonebridge", "Summit", "Sunnyside", "Tall Pines", "Three Rivers",
    "Timberline", "Union Station", "Waterford", "Westbrook", "Whispering Pines", "Wildflower", "Windmill",
)  # fmt: skip
COMPANY_KINDS: Final = (
    ("Property Group", "Real Estate"),
    ("Realty Partners", "Real Estate"),
    ("Homeowners Association", "Real Estate"),
    ("Senior Living", "Healthcare"),
    ("Family Dentistry", "Healthcare"),
    ("Hotel & Suites", "Hospitality"),
    ("Coffee Roasters", "Food & Beverage"),
    ("Charter School", "Education"),
    ("Parks & Recreation", "Government"),
    ("Public Library", "Government"),
    ("Community Foundation", "Not For Profit"),
    ("Machine Works", "Manufacturing"),
    ("Solar & Wind", "Energy"),
    ("Water Utility", "Utilities"),
    ("General Contractors", "Construction"),
)
"""What a company calls itself after its name, and its industry as Salesforce's picklist has it."""
ACCOUNT_TYPES: Final = ("Prospect", "Customer", "Customer - Direct", "Customer - Channel", "Former Customer")
SOURCES: Final = ("Web", "Phone Inquiry", "Partner Referral", "Purchased List", "Word of mouth", "Other")
TITLES: Final = (
    "Owner",
    "Facilities Manager",
    "Property Manager",
    "Office Manager",
    "Board President",
    "Superintendent",
)
SALUTATIONS: Final = ("Ms.", "Mr.", "Mrs.", "Dr.", "Mx.")

JOBS: Final = (
    "exterior repaint", "interior repaint", "kitchen cabinets", "deck staining", "trim and doors",
    "stairwell and halls", "fence and gate", "drywall repair", "garage floor coating", "pressure washing",
    "wallpaper removal", "nursery", "porch and railings", "lobby refresh", "warehouse walls",
    "touch-ups after move-out",
)  # fmt: skip
NOTES: Final = (
    "Gate code is with the office. Dog in the back yard.",
    "Colors: Alabaster on the walls, Iron Ore on the front door.",
    "Two coats; the north wall needs primer first.",
    "Customer works nights: no sanding before noon.",
    "Lead test came back negative, 1962 house.",
    "Parking permit needed, ask the front desk.",
    "Match the trim to the window frames, sample is in the van.",
    "Insurance wants pictures of every room before we begin.\nMoisture meter readings, too.",
)
SHOTS: Final = (
    "Front elevation, before", "Front elevation, after", "South wall, first coat", "South wall, second coat",
    "Peeling trim at the dormer", "Masked and ready", "Water damage under the window", "Primer on the north side",
    "Cabinet doors, sprayed", "Colors on the sample board", "Patched drywall, living room", "Crew at lunch",
    "Deck boards, sanded", "Railing, finished", "Drop cloths down", "Final walk-through",
)  # fmt: skip
LABELS: Final = ("Exterior", "Interior", "Warranty", "Priority", "HOA approval", "Lift needed", "Repeat customer")
TAGS: Final = ("Before", "After", "Damage", "Color sample", "Prep", "Punch list", "Show the customer", "Safety")
