"""Identifiers of the world: every one passes the checks that the platform itself makes."""

import numpy as np
import pytest
from stdnum import ean, iso6346
from stdnum.cn import ric, uscc
from stdnum.de import vat as german_vat
from stdnum.gb import vat as british_vat

from orchestration.simulation.world import codes

NUMBERS = np.arange(300) * 7919
KINDS = {
    "social credit code": (codes.social_credit_codes(np.full(300, 440300), NUMBERS), uscc.is_valid),
    "resident id": (codes.resident_ids(np.full(300, 110105), 19800101 + NUMBERS % 28, NUMBERS % 1000), ric.is_valid),
    "trade item": (codes.trade_item_numbers(NUMBERS), ean.is_valid),
    "container": (codes.container_numbers(NUMBERS, NUMBERS), iso6346.is_valid),
    "German VAT": (codes.german_vat_numbers(NUMBERS), german_vat.is_valid),
    "British VAT": (codes.british_vat_numbers(NUMBERS), british_vat.is_valid),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_check_digit_is_right(kind):
    made, is_valid = KINDS[kind]
    assert [number for number in made.to_pylist() if not is_valid(number)] == []
    assert len(set(made.to_pylist())) > 250


def test_the_worked_example_of_the_domain_reference():
    assert (
        codes.resident_ids(np.array([110105]), np.array([19491231]), np.array([2]))[0].as_py() == "11010519491231002X"
    )
