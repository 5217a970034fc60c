"""The buyers' names, ids and addresses on the documents of the port, which repeat the order's.

Belongs here: these columns for given orders. Does not: who the buyers are (see `world/people.py`).
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from orchestration.simulation.documents.columns import Integers
from orchestration.simulation.world.batches import OrderBatch, World
from orchestration.simulation.world.customers import traits_of
from orchestration.simulation.world.market_parameters import market_specs
from orchestration.simulation.world.people import addresses_of, names_of, phones_of, resident_ids_of


@dataclass(frozen=True)
class Buyers:
    """The buyers of a market-month's orders."""

    world: World
    batch: OrderBatch

    def names(self, order: Integers) -> pa.Array:
        """The buyer's name, for each of these orders."""
        return names_of(self.world.config, self.batch.market, self.batch.customer[order])

    def id_numbers(self, order: Integers) -> pa.Array:
        """The buyer's resident id, for each of these orders; for imports only."""
        config, customers = self.world.config, self.batch.customer[order]
        spec = market_specs(config.markets)[self.world.markets.code.index(self.batch.market)]
        total = sum(weight for _, weight in spec.regions)
        regions = np.array([weight for _, weight in spec.regions]) / total
        # Surprises and the share of the port touch tastes, not ids.
        traits = traits_of(config, customers, regions, 0.0, ())
        return resident_ids_of(config, spec, customers, traits)

    def consignees(self, order: Integers) -> dict[str, pa.Array]:
        """The columns of the receiver, for each of these orders."""
        config, customers = self.world.config, self.batch.customer[order]
        spec = market_specs(config.markets)[self.world.markets.code.index(self.batch.market)]
        return {
            "consignee_name": self.names(order),
            "consignee_phone": phones_of(config, spec, customers),
            "consignee_address": addresses_of(config, self.batch.market, customers),
        }
