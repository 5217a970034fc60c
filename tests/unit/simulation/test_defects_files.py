"""Damaged files: the arrivals room refuses those that it should, takes the others, and the truth names each."""

import zipfile
from pathlib import Path

import pytest

from orchestration.arrivals import sources
from orchestration.arrivals.check import describe
from orchestration.arrivals.mapping_reader import load_mapping
from orchestration.arrivals.refusal import Refusal
from orchestration.settings import Settings
from orchestration.simulation.defects.catalogue import defects
from orchestration.simulation.defects.files import DAMAGES, damage_files
from orchestration.simulation.defects.inject import DefectConfig
from orchestration.simulation.formats.parquet_files import write_parquet
from tests.unit.simulation.defects_batch import clean_batch

TAG = "GB_2024-03"
HEADER = "siteCode,day,note,visits\n"
MAPPING = """
source: gauge
version: 1
description: A gauge.
files: ["gauge__*"]
format: {type: auto}
emits:
  - feed: capacity
    fields:
      site_code: siteCode
      site_country: {constant: GB}
      capacity_kind: {constant: sessions_per_minute}
      measured_on: {column: day, formats: ["%Y-%m-%d", iso]}
      capacity_value: visits
      peak_load_value: visits
"""


@pytest.fixture
def csv_file(tmp_path):
    path = tmp_path / f"gauge__capacity__{TAG}.csv"
    rows = [f"W{n},2024-03-{n % 28 + 1:02d},größer 仓库,{n}\n" for n in range(1, 90)]
    path.write_text(HEADER + "".join(rows), encoding="utf-8")
    return path


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "gauge.yaml"
    path.write_text(MAPPING, encoding="utf-8")
    return load_mapping(path)


def verdict(mapping, path, home):
    """The rule by which the arrivals room refuses a file, or the lines that it says of it."""
    try:
        return list(describe(mapping, path, Settings(home=home)))
    except Refusal as refusal:
        return refusal.rule


def copy_of(path, defect_id):
    damaged = DAMAGES[defect_id](path)
    assert damaged is not None
    copy = path.with_name(f"{path.stem}_{defect_id}{path.suffix}")
    copy.write_bytes(damaged)
    return copy


@pytest.mark.parametrize("defect_id", ["wrong_encoding", "retyped_column", "truncated_file"])
def test_a_damaged_csv_is_refused_by_a_rule_of_its_defect(csv_file, mapping, tmp_path, defect_id):
    assert verdict(mapping, copy_of(csv_file, defect_id), tmp_path) in defects()[defect_id].rules


@pytest.mark.parametrize(("defect_id", "said"), [("byte_order_mark", "40 records"), ("new_column", "handling_remark")])
def test_a_csv_that_is_only_odd_is_taken(csv_file, mapping, tmp_path, defect_id, said):
    lines = verdict(mapping, copy_of(csv_file, defect_id), tmp_path)
    assert isinstance(lines, list)
    assert said in "\n".join(lines)


@pytest.mark.parametrize(
    ("defect_id", "expected"),
    [("retyped_column", "schema.retyped_column"), ("truncated_file", "file.truncated"), ("new_column", None)],
)
def test_a_damaged_parquet_file_of_the_world_is_judged_as_the_catalogue_says(tmp_path, defect_id, expected):
    path = tmp_path / f"paygate__payments__{TAG}.parquet"
    write_parquet(clean_batch()["paygate", "payments"], path)
    shipped = load_mapping(Path(sources.__path__[0]) / "world_paygate.yaml")
    result = verdict(shipped, copy_of(path, defect_id), tmp_path)
    assert result == expected if expected else isinstance(result, list)


def test_a_message_that_breaks_off_keeps_its_name_in_an_archive_of_its_own(tmp_path):
    path = tmp_path / "port__CEB303__GB_2024-03__001.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("CEB303_A.xml", "<a><b>1</b></a>")
        archive.writestr("CEB303_B.xml", "<a><b>2</b></a>")
    with zipfile.ZipFile(copy_of(path, "truncated_file")) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {"CEB303_A.xml": b"<a><b>1</b"}


def test_the_truth_names_each_copy_and_equal_seeds_give_equal_copies(csv_file):
    config = DefectConfig(_lucky_seed(csv_file), multiplier=25)
    written, truth = damage_files([csv_file], config=config, tag=TAG)
    contents = [path.read_bytes() for path in written]
    # What is there already is not damaged again.
    assert damage_files([csv_file], config=config, tag=TAG)[0] == []
    _remove(written)
    again, _ = damage_files([csv_file], config=config, tag=TAG)
    assert (written, contents) == (again, [path.read_bytes() for path in again])
    assert truth.column("key_after").to_pylist() == [path.name for path in written]
    assert set(truth.column("key_before").to_pylist()) == {csv_file.name}
    assert damage_files([csv_file], config=DefectConfig(config.seed, only=frozenset()), tag=TAG)[0] == []


def _lucky_seed(path):
    for seed in range(99):
        if written := damage_files([path], config=DefectConfig(seed, multiplier=25), tag=TAG)[0]:
            _remove(written)
            return seed
    raise AssertionError("no seed damages the file")


def _remove(paths):
    for path in paths:
        path.unlink()
