"""Pictures of a scorecard."""

import numpy as np
import pandas as pd

from orchestration.credit.scorecard.characteristic import Characteristic
from orchestration.credit.scorecard.fitting import fit_scorecard
from orchestration.credit.scorecard.plots import bins_plot, calibration_plot, order_plot, score_plot


def test_every_plot_is_a_picture_also_of_few_rows() -> None:
    generator = np.random.default_rng(1)
    frame = pd.DataFrame({"delay": generator.poisson(4, 300).astype(float)})
    is_bad = generator.random(300) < 0.05 * (1 + frame["delay"].to_numpy())
    card = fit_scorecard(frame, is_bad, [Characteristic("delay", -1)])
    scored = card.score(frame)
    chance = scored["probability"].to_numpy()
    drawn = [order_plot(chance, is_bad), calibration_plot(chance, is_bad), bins_plot(card.parts[0]), score_plot(scored)]
    assert all(picture.startswith(b"\x89PNG") and len(picture) > 5000 for picture in drawn)
