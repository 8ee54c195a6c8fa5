"""The codes of a report, by the dictionaries of DICOM PS3.16 and SNOMED CT that pydicom ships.

None is private. Each is looked up by its name, so that a name that a dictionary drops fails at once.
"""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

NORMALITY = codes.DCM.Normality
"""What the decision is about (TID 310; its values are those of CID 222)."""
NORMAL, ABNORMAL = codes.SCT.Normal, codes.SCT.Abnormal
UNDETERMINED = codes.SCT.NormalityUndetermined

PROBABILITY = codes.DCM.Probability
NO_UNITS = codes.UCUM.NoUnits
UPPER = codes.SCT.RangeOfUpperMeasurementUncertainty
LOWER = codes.SCT.RangeOfLowerMeasurementUncertainty

SUITABILITY = codes.DCM.QualityAssessment
OUTSIDE_LIMITS = codes.DCM.OutsideOperationalLimitsOfTheDevice
"""An image unlike those that the network was trained on."""

RECOMMENDATION = codes.DCM.Recommendation
PHYSICIAN_REVIEW = codes.DCM.ForPhysicianReview
COMMENT = codes.DCM.Comment

TITLE = codes.DCM.ImagingMeasurementReport
CHEST = codes.SCT.Chest
FAMILY = codes.DCM.ArtificialIntelligence
PROCEDURE = Code("399208008", "SCT", "Plain chest X-ray")
"""SNOMED CT's own; pydicom's dictionary holds only the part of SNOMED that PS3.16 lists."""
CAPTURE = codes.DCM.Saliency
DEVICE = codes.DCM.Device
MEASUREMENTS = codes.DCM.ImagingMeasurements
