"""Truth of a market-month and of the world: what no feed says, and what models are judged by.

Belongs here: tables keyed by the ids that feeds use. Does not: truth of documents (`documents/`) and of defects.
"""

import numpy as np
import pyarrow as pa

from orchestration.simulation.world.assortment import product_share
from orchestration.simulation.world.baskets import MEAN_LINES, mean_pieces
from orchestration.simulation.world.batches import CATEGORIES, TruthTables, World
from orchestration.simulation.world.category_parameters import AGE_BANDS, GENDERS, SEGMENTS, TASTES
from orchestration.simulation.world.columns import dates, integers, picked, table
from orchestration.simulation.world.media import MEDIUM_SPECS
from orchestration.simulation.world.month_tables import days_of
from orchestration.simulation.world.orders import MonthPlan
from orchestration.simulation.world.plans import MEDIA
from orchestration.simulation.world.pricing import Drawn, customer_ids
from orchestration.simulation.world.randomness import Integers
from orchestration.simulation.world.texts import same, words


def month_truth(world: World, plan: MonthPlan, drawn: Drawn) -> TruthTables:
    """Demand means, stock-outs, media effects and buyers of a market-month."""
    return {
        "demand_mean": _demand_mean(world, plan),
        "market_demand": _market_demand(world, plan),
        "stock_outs": _stock_outs(world, plan, drawn),
        "media_effect": _media_effect(world, plan),
        "customer_latent": _customer_latent(world, plan, drawn),
    }


def _demand_mean(world: World, plan: MonthPlan) -> pa.Table:
    """Expected pieces of each product in the month, before stock-outs.

    On one day of a period they are the product's share of the period's mean orders of that day (`market_demand`).
    """
    mean = world.demand.mean_orders[plan.market][days_of(world, plan)]
    starts = np.array([span.first_day - plan.first_day for span in plan.periods])
    by_period = np.add.reduceat(mean, starts)
    lines = product_share(plan.assortment, plan.shelf, 1.0, MEAN_LINES - 1)
    units = (by_period[:, None] * lines).sum(axis=0) * mean_pieces(
        _resale_share(world, plan), is_import=plan.spec.code == "CN"
    )
    local = np.flatnonzero(units > 0)
    return table(
        {
            "market": same(plan.spec.code, len(local)),
            "month": same(plan.month, len(local)),
            "product_id": picked(world.products.product_id, plan.assortment.product[local]),
            "mean_units": pa.array(units[local].round(6)),
        }
    )


def _resale_share(world: World, plan: MonthPlan) -> float:
    """Share of orders that may be for resale: those of the marketplaces."""
    own = float(world.demand.own_share[plan.market][days_of(world, plan)].mean())
    return (1 - plan.spec.shares[3]) * (1 - own)


def _market_demand(world: World, plan: MonthPlan) -> pa.Table:
    span, market = days_of(world, plan), plan.market
    days = plan.end_day - plan.first_day
    return table(
        {
            "market": same(plan.spec.code, days),
            "day": dates(np.arange(plan.first_day, plan.end_day)),
            "base_orders": pa.array(world.demand.base_orders[market][span]),
            "mean_orders": pa.array(world.demand.mean_orders[market][span]),
            "own_share": pa.array(world.demand.own_share[market][span]),
            "drawn_orders": integers(world.demand.orders[market][span]),
        }
    )


def _stock_outs(world: World, plan: MonthPlan, drawn: Drawn) -> pa.Table:
    """Stock-outs at the sites that serve the market, with the pieces that its buyers wanted and did not get."""
    assortment = plan.assortment
    size = len(assortment.product)
    lost = np.bincount(drawn.lost_local, drawn.lost_quantity, minlength=size).astype(np.int64)
    lost_at_home = np.bincount(drawn.lost_local, drawn.lost_quantity * drawn.is_lost_at_home, minlength=size)
    lost_at_home = lost_at_home.astype(np.int64)
    differs = assortment.home_site != assortment.market_site
    is_sold = plan.shelf.weight.sum(axis=0) > 0
    first = np.flatnonzero((plan.out_from <= plan.out_to) & is_sold)
    second = np.flatnonzero((plan.home_out_from <= plan.home_out_to) & differs & is_sold)
    near = np.where(differs, lost - lost_at_home, lost)
    local = np.concatenate([first, second])
    site = np.concatenate([assortment.market_site[first], assortment.home_site[second]])
    return table(
        {
            "market": same(plan.spec.code, len(local)),
            "site_code": words(site, world.sites.site_code),
            "product_id": picked(world.products.product_id, assortment.product[local]),
            "from_on": dates(np.concatenate([plan.out_from[first], plan.home_out_from[second]])),
            "to_on": dates(np.concatenate([plan.out_to[first], plan.home_out_to[second]])),
            "lost_units": integers(np.concatenate([near[first], lost_at_home[second]])),
        }
    )


def _media_effect(world: World, plan: MonthPlan) -> pa.Table:
    """Orders that each medium added on each day, in the mean, to those of the own shop."""
    span, market = days_of(world, plan), plan.market
    own = plan.spec.shares[0]
    lift = world.media.lift[market][span]
    without = world.demand.mean_orders[market][span] / (1 + own * lift.sum(axis=1))
    day, medium = np.nonzero(np.ones_like(lift) * (own > 0))
    return table(
        {
            "market": same(plan.spec.code, len(day)),
            "day": dates(plan.first_day + day),
            "medium": words(medium, MEDIA),
            "adstock": pa.array(world.media.adstock[market][span][day, medium]),
            "lift": pa.array(lift[day, medium]),
            "extra_orders": pa.array((without[day] * own * lift[day, medium]).round(9)),
        }
    )


def _customer_latent(world: World, plan: MonthPlan, drawn: Drawn) -> pa.Table:
    """Buyers whose first order was drawn in the month; tastes follow from the segment (`segment_tastes`)."""
    traits, rows = drawn.new_traits, len(drawn.new_customer)
    return table(
        {
            "customer_id": customer_ids(world, plan.market, drawn.new_customer),
            "market": same(plan.spec.code, rows),
            "segment": words(traits.segment, SEGMENTS),
            "gender": words(traits.gender, GENDERS),
            "birth_year": integers(traits.birth_year),
            "price_taste": integers(traits.price_taste),
            "has_consent": pa.array(traits.has_consent),
            "has_surprise": pa.array(traits.flags > 0),
        }
    )


def world_truth(world: World) -> TruthTables:
    """Latent traits of sellers, tastes of segments, surprises and parameters of the media."""
    surprises = [surprise for assortment in world.assortments for surprise in assortment.surprises]
    segment, category = _grid(len(SEGMENTS), len(CATEGORIES))
    return {
        "seller_latent": table(
            {
                "seller_id": world.sellers.seller_id,
                "quality": pa.array(world.sellers.quality),
                "solvency": pa.array(world.sellers.solvency),
                "size": pa.array(world.sellers.size),
            }
        ),
        "segment_tastes": table(
            {
                "segment": words(segment, SEGMENTS),
                "category_code": words(category, CATEGORIES),
                "share": pa.array(TASTES[segment, category]),
            }
        ),
        "surprises": table(
            {
                "market": pa.array([surprise.market for surprise in surprises], pa.string()),
                "subdivision_code": pa.array([f"{one.market}-{one.region}" for one in surprises], pa.string()),
                "gender": pa.array([GENDERS[one.gender] if one.gender >= 0 else None for one in surprises],
                                   pa.string()),
                "age_from": pa.array([AGE_BANDS[one.age_band] if one.age_band >= 0 else None for one in surprises],
                                     pa.int64()),
                "category_code": pa.array([CATEGORIES[surprise.category] for surprise in surprises], pa.string()),
                "factor": pa.array([surprise.factor for surprise in surprises], pa.float64()),
            }
        ),
        "media_parameters": table(
            {
                "medium": pa.array(MEDIA),
                "decay": pa.array([spec.decay for spec in MEDIUM_SPECS]),
                "half_saturation": pa.array([spec.half_saturation for spec in MEDIUM_SPECS]),
                "max_lift": pa.array([spec.max_lift for spec in MEDIUM_SPECS]),
            }
        ),
    }  # fmt: skip


def _grid(rows: int, columns: int) -> tuple[Integers, Integers]:
    return np.repeat(np.arange(rows), columns), np.tile(np.arange(columns), rows)
