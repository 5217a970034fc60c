"""The pledge ledger: a declaration's item secures one advance, ever.

Belongs here: who holds which item, and who is refused. Does not: reading tables, what an advance still owes.

The first by the day of payment, then by the advance's number, has the item; whoever comes later is refused, also once
the first has repaid: a rebate is claimed once, so it can be lent on once. Numbers are compared without the zeros and
spaces by which two systems write the same item differently.
"""

from dataclasses import dataclass

import pandas as pd

PLEDGE_COLUMNS = (
    "declaration_no", "line_no", "advance_no", "seller_id", "pledged_at", "pledge_state", "declaration_status",
    "principal_amount", "currency_code", "outstanding_usd",
)  # fmt: skip
REFUSAL_COLUMNS = (
    "advance_no", "seller_id", "declaration_no", "line_no", "asked_at", "first_advance_no", "first_seller_id",
    "first_pledged_at", "principal_amount", "currency_code", "outstanding_usd", "reason",
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class PledgeBook:
    """`ledger`: one row per item with PLEDGE_COLUMNS; `refusals`: one row per refused advance, REFUSAL_COLUMNS."""

    ledger: pd.DataFrame
    refusals: pd.DataFrame


def pledge_book(advances: pd.DataFrame, declarations: pd.DataFrame) -> PledgeBook:
    """Who holds each pledged item, and every later pledge of the same item with its first holder.

    advances: advance_no, seller_id, paid_out_at, principal_amount, currency_code, pledged_declaration_no,
        pledged_line_no, outstanding_usd; those without a pledge are passed over, and a pledge without an item stands
        for the whole declaration.
    declarations: declaration_no, seller_id of the declarations that are known; it tells whether the pledge is the
        borrower's own (`own`, `other_seller`, `not_found`).
    """
    rows = advances[advances["pledged_declaration_no"].notna()].copy()
    rows["declaration_no"] = canonical(rows["pledged_declaration_no"])
    rows["line_no"] = canonical(rows["pledged_line_no"]).fillna("").str.lstrip("0")
    rows = rows.sort_values(["paid_out_at", "advance_no"], kind="stable", ignore_index=True)
    item = ["declaration_no", "line_no"]
    is_first = ~rows.duplicated(item)
    owners = declarations.assign(declaration_no=canonical(declarations["declaration_no"]))
    owner = owners.drop_duplicates("declaration_no").set_index("declaration_no")["seller_id"]
    of_declaration = rows["declaration_no"].map(owner)
    status = pd.Series("own", index=rows.index, dtype=object)
    status[of_declaration.notna() & (of_declaration != rows["seller_id"])] = "other_seller"
    status[of_declaration.isna()] = "not_found"
    owes = rows["outstanding_usd"].isna() | (rows["outstanding_usd"] > 0)
    ledger = rows.assign(
        pledged_at=rows["paid_out_at"],
        pledge_state=owes.map({True: "held", False: "repaid"}),
        declaration_status=status,
    )[is_first]
    first = ledger.set_index(item)[["advance_no", "seller_id", "pledged_at"]].add_prefix("first_")
    refused = rows[~is_first].join(first, on=item)
    refused["asked_at"] = refused["paid_out_at"]
    refused["reason"] = [
        f"item {line or '(whole declaration)'} of declaration {declaration} has secured advance {number} of seller"
        f" {seller} since {pd.Timestamp(at):%Y-%m-%d}"
        for declaration, line, number, seller, at in zip(
            *(refused[name] for name in (*item, "first_advance_no", "first_seller_id", "first_pledged_at")), strict=True
        )
    ]
    return PledgeBook(
        ledger[list(PLEDGE_COLUMNS)].reset_index(drop=True), refused[list(REFUSAL_COLUMNS)].reset_index(drop=True)
    )


def canonical(numbers: pd.Series) -> pd.Series:
    """Numbers of declarations and items as they are compared: capitals, without spaces."""
    return numbers.astype("string").str.upper().str.replace(r"\s+", "", regex=True)
