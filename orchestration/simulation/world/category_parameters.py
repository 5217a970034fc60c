"""Parameters of categories and of the buyers' segments.

Belongs here: what goods are like and who likes them. Does not: markets (see `market_parameters.py`).
Numbers without a source are design. They belong to the version of the world: a change is a new version.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class CategorySpec:
    """What the products of a category are like; spreads are standard deviations of logarithms."""

    code: str
    names: tuple[str, ...]
    hs_codes: tuple[str, ...]
    price_usd: float  # median
    price_spread: float
    weight_g: float  # median
    weight_spread: float
    cost_share: float  # of the price in USD
    season: float  # amplitude of the logarithm of demand over the year, in the north
    peak_month: int  # 1-12, in the north
    seller_share: float  # of sellers whose main category it is
    is_by_weight: bool = False  # first legal unit kg instead of piece


CATEGORY_SPECS = (
    CategorySpec("clothing", ("Cotton T-shirt", "Knitted pullover", "Slim trousers", "Sneakers", "Handbag"),
                 ("6109100022", "6110300090", "6203429090", "6402992900", "4202220000"),
                 19, 0.6, 320, 0.6, 0.36, 0.22, 11, 0.20),
    CategorySpec("baby", ("Diapers", "Baby carriage", "Feeding set", "Baby romper"),
                 ("9619001100", "8715000010", "3924100000", "6111200050"),
                 24, 0.7, 650, 0.8, 0.42, 0.06, 9, 0.07),
    CategorySpec("electronics", ("Headphones", "Charger", "Power bank", "Notebook computer", "Cable"),
                 ("8518300000", "8504401990", "8507600090", "8471309000", "8544421900"),
                 29, 0.8, 380, 0.7, 0.50, 0.20, 12, 0.15),
    CategorySpec("home", ("LED lamp", "Steel pan", "Bed linen", "Kitchen machine", "Storage box"),
                 ("9405210090", "7323930000", "6302210000", "8509809000", "3924900000"),
                 22, 0.7, 900, 0.8, 0.40, 0.10, 11, 0.14),
    CategorySpec("beauty", ("Face cream", "Lipstick", "Hair oil", "Bath soap"),
                 ("3304990099", "3304100091", "3305900000", "3401300000"),
                 14, 0.6, 180, 0.5, 0.30, 0.08, 5, 0.09, is_by_weight=True),
    CategorySpec("toys", ("Plush animal", "Puzzle", "Ride-on car", "Building blocks"),
                 ("9503002100", "9503006000", "9503001000", "9503008900"),
                 17, 0.6, 450, 0.7, 0.38, 0.45, 12, 0.08),
    CategorySpec("sports", ("Dumbbell", "Basketball", "Helmet", "Fishing rod", "Bicycle"),
                 ("9506911190", "9506621000", "6506100090", "9507100090", "8712003000"),
                 26, 0.7, 800, 0.8, 0.42, 0.22, 6, 0.07),
    CategorySpec("jewellery", ("Fashion necklace", "Silver ring", "Bead bracelet", "Wrist watch"),
                 ("7117190000", "7113119090", "7116200000", "9102110000"),
                 21, 0.8, 60, 0.5, 0.28, 0.25, 12, 0.05),
    CategorySpec("auto_parts", ("Body part", "Brake pads", "Head lamp", "Wheel part"),
                 ("8708299000", "8708309990", "8512201000", "8708709900"),
                 35, 0.7, 1400, 0.8, 0.48, 0.08, 10, 0.05),
    CategorySpec("food_supplements", ("Vitamin capsules", "Milk powder", "Green tea", "Honey"),
                 ("2106909090", "0402210000", "0902101000", "0409000000"),
                 23, 0.5, 420, 0.5, 0.40, 0.10, 1, 0.04, is_by_weight=True),
    CategorySpec("books", ("Novel", "Picture book", "Textbook"),
                 ("4901990000", "4903000000", "4901100000"),
                 12, 0.5, 420, 0.4, 0.45, 0.12, 9, 0.02, is_by_weight=True),
    CategorySpec("phones", ("Smartphone", "Phone case", "Smart watch", "Phone parts"),
                 ("8517130000", "3926909090", "8517629990", "8517799000"),
                 48, 1.1, 210, 0.5, 0.52, 0.15, 11, 0.04),
)  # fmt: skip

SEGMENTS = ("young_fashion", "young_tech", "family", "home_maker", "senior", "bargain")
SEGMENT_FASHION, SEGMENT_TECH, SEGMENT_FAMILY, SEGMENT_HOME, SEGMENT_SENIOR, SEGMENT_BARGAIN = range(6)
GENDERS = ("female", "male", "other")
AGE_BANDS = (18, 30, 45, 60)  # lower ends
AGE_BAND_SHARE = np.array([0.27, 0.38, 0.23, 0.12])

# gender x age band x segment: how likely a buyer belongs to it.
SEGMENT_SHARE = np.array(
    [
        [[0.58, 0.08, 0.08, 0.06, 0.00, 0.20], [0.24, 0.06, 0.38, 0.16, 0.00, 0.16],
         [0.10, 0.05, 0.16, 0.46, 0.06, 0.17], [0.03, 0.02, 0.06, 0.26, 0.50, 0.13]],
        [[0.12, 0.58, 0.05, 0.04, 0.00, 0.21], [0.07, 0.40, 0.28, 0.09, 0.00, 0.16],
         [0.04, 0.28, 0.13, 0.30, 0.07, 0.18], [0.01, 0.12, 0.05, 0.18, 0.50, 0.14]],
        [[0.34, 0.34, 0.06, 0.05, 0.00, 0.21], [0.16, 0.24, 0.30, 0.14, 0.00, 0.16],
         [0.08, 0.18, 0.14, 0.36, 0.06, 0.18], [0.02, 0.08, 0.06, 0.20, 0.50, 0.14]],
    ]
)  # fmt: skip

# segment x category: share of the lines of a buyer of the segment.
TASTES = np.array(
    [
        [0.42, 0.01, 0.06, 0.07, 0.20, 0.02, 0.04, 0.11, 0.00, 0.02, 0.02, 0.03],
        [0.10, 0.01, 0.34, 0.05, 0.02, 0.05, 0.14, 0.02, 0.10, 0.02, 0.02, 0.13],
        [0.14, 0.28, 0.07, 0.14, 0.05, 0.20, 0.04, 0.01, 0.02, 0.02, 0.02, 0.01],
        [0.12, 0.02, 0.07, 0.42, 0.09, 0.04, 0.05, 0.04, 0.07, 0.04, 0.02, 0.02],
        [0.09, 0.02, 0.06, 0.22, 0.05, 0.07, 0.02, 0.03, 0.04, 0.26, 0.12, 0.02],
        [0.22, 0.03, 0.13, 0.18, 0.09, 0.08, 0.06, 0.06, 0.04, 0.03, 0.02, 0.06],
    ]
)

# Share of buyers who look for the cheaper and for the dearer of two goods that they like; equal, so that price taste
# leaves each product's share of demand as it is.
PRICE_TASTE_SHARE = 0.3
