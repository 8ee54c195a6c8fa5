"""Pseudonyms of patients: keyed hashes, so that nobody without the salt can test a guess.

An unsalted hash of a patient number is as good as the number, since all numbers can be tried. HMAC
(RFC 2104) with SHA-256, cut to 64 bits: among a million patients two share a pseudonym with a
probability of 3 in 100 million.
"""

from __future__ import annotations

import hashlib
import hmac
import os

from medcnn.errors import ConfigError

VARIABLE = "MEDCNN_SALT"
SHORTEST = 16
DIGITS = 16


def read_salt() -> str:
    """Return the salt from the environment: in a configuration it would be saved with every run.

    Raises:
        ConfigError: If it is missing or too short to resist trying.
    """
    salt = os.environ.get(VARIABLE, "")
    if len(salt) < SHORTEST:
        raise ConfigError(
            "Patients are to be hashed, and there is no salt to do it with.",
            expected=f"at least {SHORTEST} characters in the environment variable {VARIABLE}",
            found=f"{len(salt)} characters" if salt else "nothing",
            remedy=f"export {VARIABLE}=$(openssl rand -hex 32), and keep it apart from the results",
        )
    return salt


def pseudonym(identifier: str, salt: str, kind: str = "patient") -> str:
    """Return the pseudonym of an identifier; none of none.

    Args:
        identifier: As it stands in the header or table.
        salt: The secret; the same one gives the same pseudonyms, in training and prediction.
        kind: ``patient`` or ``study``: the same number of either has another pseudonym.
    """
    if not identifier:
        return identifier
    message = f"{kind}\0{identifier}".encode()
    return hmac.new(salt.encode(), message, hashlib.sha256).hexdigest()[:DIGITS]
