"""Results as DICOM objects that an archive keeps and a viewer shows (extra ``pacs``)."""
