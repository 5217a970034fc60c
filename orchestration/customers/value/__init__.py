"""How often a customer will buy again and for how much: BG/NBD, MBG/NBD, Gamma-Gamma, and their test on a hold-out."""
