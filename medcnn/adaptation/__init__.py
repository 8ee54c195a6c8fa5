"""A trained run among images of elsewhere: tested on them, held against home, fitted to them."""
