from __future__ import annotations

import gzip
import os

import pandas as pd
import pytest

from medcnn.data.sources.layout import ImageIndex, image_files, release_folder
from medcnn.data.sources.release import Release
from medcnn.errors import DataError


def test_images_count_by_suffix_or_by_magic_word(tmp_path, write_image, write_dicom):
    write_image(tmp_path / "b" / "x.PNG")
    write_dicom(tmp_path / "a" / "instance")
    write_image(tmp_path / ".hidden" / "y.png")
    write_image(tmp_path / "b" / "y.tiff")
    write_dicom(tmp_path / "DICOMDIR")
    (tmp_path / "notes").write_text("plain text")
    (tmp_path / "table.csv").write_text("a,b")
    assert [path.name for path in image_files(tmp_path)] == ["instance", "x.PNG", "y.tiff"]
    index = ImageIndex(tmp_path)
    assert index.paths["x.PNG"] == tmp_path / "b" / "x.PNG"
    assert index.left_out == {"DICOMDIR": 1, "file without a suffix": 1, ".csv file": 1}


def test_a_link_back_is_followed_no_further_and_another_is(tmp_path, write_image):
    write_image(tmp_path / "root" / "b" / "x.png")
    write_image(tmp_path / "elsewhere" / "y.png")
    (tmp_path / "root" / "b" / "up").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "linked").symlink_to(tmp_path / "elsewhere")
    found = [path.relative_to(tmp_path / "root") for path in image_files(tmp_path / "root")]
    assert [path.as_posix() for path in found] == ["b/x.png", "linked/y.png"]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "instance")
    assert image_files(tmp_path) == []


def test_a_folder_that_cannot_be_listed_is_not_passed_over(tmp_path):
    with pytest.raises(OSError, match="absent"):
        image_files(tmp_path / "absent")


def test_a_name_in_a_foreign_encoding_is_refused(tmp_path, write_image):
    written = write_image(tmp_path / "x.png")
    written.rename(os.fsdecode(os.fsencode(tmp_path) + b"/R\xf6ntgen.png"))
    with pytest.raises(DataError, match="not text in UTF-8"):
        image_files(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "a.csv").write_text("x")
    with pytest.raises(DataError, match="found: a file"):
        release_folder(tmp_path / "a.csv", "nih", "images")


def test_a_missing_table_names_the_nearest(tmp_path):
    (tmp_path / "Data_Entry_2016.csv").write_text("x")
    with pytest.raises(DataError, match=r"'Data_Entry_2016.csv' is the nearest"):
        Release("nih", tmp_path, "tables").file("Data_Entry_2017.csv")


def test_a_missing_column_names_the_nearest(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("Image Indx,Finding\na,b\n")
    with pytest.raises(DataError, match="'Image Indx' is the nearest name"):
        Release("nih", tmp_path, "tables").table(path, "Image Index")


def test_an_empty_table_is_an_error(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("")
    with pytest.raises(DataError, match="not a readable CSV"):
        Release("nih", tmp_path, "tables").table(path, "a")


def test_a_damaged_compressed_table_is_an_error(tmp_path):
    path = tmp_path / "t.csv.gz"
    content = gzip.compress(b"a,b\n" + bytes(range(48, 90)) * 20)
    path.write_bytes(content[:14] + b"\xff" * 8 + content[22:])
    with pytest.raises(DataError, match="not a readable CSV"):
        Release("nih", tmp_path, "tables").table(path, "a")


def test_listed_images_are_found_by_name_or_stem_and_the_others_counted(tmp_path, write_image):
    for name in ("a.png", "1.2.840.jpg", "c.png", "c.jpg", "not listed.png"):
        write_image(tmp_path / name)
    release = Release("nih", tmp_path, "images")
    index = release.images
    table = pd.DataFrame({"image_id": ["a", "1.2.840", "c", "d"]})
    table["path"] = index.find(table["image_id"] + ".dcm")
    kept, warnings = release.present(table)
    assert kept["path"].tolist() == [tmp_path / "a.png", tmp_path / "1.2.840.jpg"]
    assert warnings == ("nih: 2 of 4 listed images are not on disk and were left out.",)
    assert index.left_out == {"listed, but not on disk": 2, "not in the tables": 3}
    with pytest.raises(
        DataError, match=r"found: 5 images with other names, such as 1\.2\.840\.jpg"
    ):
        Release("nih", tmp_path, "images").present(table[2:])


def test_an_archive_is_to_be_unpacked_and_what_it_wrapped_is_entered(tmp_path):
    (tmp_path / "r.zip").write_bytes(b"PK")
    with pytest.raises(DataError, match="unpack it"):
        release_folder(tmp_path / "r.zip", "nih", "images/")
    inner = tmp_path / "root" / "archive" / "NIH"
    (inner / "images").mkdir(parents=True)
    (tmp_path / "root" / "__MACOSX").mkdir()
    assert release_folder(tmp_path / "root", "nih", "the folder images/") == inner
