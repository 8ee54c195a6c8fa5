"""A trained run as a service with two doors, HTTP and DICOM (extra ``serve``)."""
