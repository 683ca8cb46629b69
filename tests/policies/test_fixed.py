import numpy as np

from tf_glimpse.policies import Centre, Scan, Stored

IMAGES = np.zeros([3, 8, 8, 1], np.uint8)


def test_a_scan_is_the_same_for_every_image():
    scan = [(0.25, -1.0), (0.0, 0.5)]
    np.testing.assert_array_equal(Scan(scan)(IMAGES, [4, 0, 9], (0, 0)), [scan] * 3)
    np.testing.assert_array_equal(Scan(np.array(scan))(IMAGES[:1], [4], (5, 5)), [scan])


def test_the_centre_is_zero():
    np.testing.assert_array_equal(Centre(4)(IMAGES, [4, 0, 9], (0, 0)), np.zeros([3, 4, 2]))


def test_stored_places_are_looked_up_and_others_are_zeros():
    places = np.arange(1, 9).reshape(2, 2, 2) / 10
    found = Stored(np.array([2, 5]), places)(IMAGES, [5, 3, 2], (0, 0))
    np.testing.assert_allclose(found, [places[1], np.zeros([2, 2]), places[0]], rtol=1e-6)
    np.testing.assert_array_equal(Stored([2, 5], places)(IMAGES, [9, 0, 6], (0, 0)), np.zeros([3, 2, 2]))
