import numpy as np

from medcnn.evaluation.cases import cases_of


def test_patients_with_several_images_are_numbered(several):
    cases = cases_of(several)
    assert cases.patients == 120
    assert cases.cluster is not None
    np.testing.assert_array_equal(cases.cluster, np.arange(480) // 4)
    assert cases.positives + cases.negatives == 480


def test_one_image_a_patient_needs_no_clusters_and_clusters_can_be_refused(table, several):
    assert cases_of(table).cluster is None
    assert cases_of(several, clusters=False).cluster is None
