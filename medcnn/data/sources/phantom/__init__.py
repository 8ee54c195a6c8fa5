"""The embedded data set: radiographs simulated through a randomised thorax, as real DICOM files."""

from medcnn.data.sources.phantom.generate import read

__all__ = ["read"]
