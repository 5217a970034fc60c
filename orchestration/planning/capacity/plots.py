"""The capacity chart of a site: load until now, p50 to p99 ahead, the capacity, and the days of alarm.

Belongs here: pictures. Does not: figures (`outlook.py`).
"""

from io import BytesIO

import numpy as np

from orchestration.planning.capacity.calendar import EPOCH
from orchestration.planning.capacity.outlook import ALARM_SHARE, CapacityOutlook

_HISTORY_DAYS = 120
_MOST_NAMED = 4
_NAMES = {
    "parcels_per_day": "parcels a day",
    "storage_pieces": "pieces stored",
    "orders_per_minute": "orders in the busiest minute",
    "sessions_per_minute": "sessions in the busiest minute",
}


def site_plot(outlook: CapacityOutlook, site: str) -> bytes:
    """A PNG with one panel per kind of the site."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.dates as dates
    from matplotlib.figure import Figure

    kinds = [kind for name, kind in outlook.forecasts if name == site]
    figure = Figure(figsize=(11, 3.4 * len(kinds)), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(kinds), 1, sharex=True))
    for axes, kind in zip(panels, kinds, strict=True):
        told, load = outlook.forecasts[site, kind], outlook.loads[site, kind]
        borne = outlook.capacity[site, kind]
        past = np.arange(load.first_day, load.first_day + len(load.values))[-_HISTORY_DAYS:]
        axes.plot(_days(past), load.values[-_HISTORY_DAYS:], color="0.35", linewidth=1, label="measured")
        p50, p90, p99 = (told.quantile(share) for share in (0.5, 0.9, 0.99))
        ahead = _days(told.days)
        axes.fill_between(ahead, p90, p99, color="tab:blue", alpha=0.15, linewidth=0, label="p90 to p99")
        axes.fill_between(ahead, p50, p90, color="tab:blue", alpha=0.35, linewidth=0, label="p50 to p90")
        axes.plot(ahead, p50, color="tab:blue", linewidth=1.2, label="p50")
        if np.isfinite(borne):
            axes.axhline(borne, color="black", linewidth=1.2, label=f"capacity {borne:,.0f}")
            axes.axhline(ALARM_SHARE * borne, color="tab:orange", linestyle="--", linewidth=1, label="85 %")
            alarms = p90 > ALARM_SHARE * borne
            if alarms.any():
                axes.plot(ahead[alarms], p90[alarms], "o", color="tab:red", markersize=4, label="alarm: p90 above 85 %")
                axes.set_title(_alarm_words(outlook, site, kind), loc="right", fontsize=8, color="tab:red")
        axes.axvline(ahead[0], color="0.6", linewidth=0.8)
        top = max(
            np.nanmax(p99), np.nanmax(load.values[-_HISTORY_DAYS:], initial=0.0), borne if np.isfinite(borne) else 0
        )
        # Room for the legend.
        axes.set_ylim(0, 1.3 * top or 1.0)
        axes.margins(x=0.01)
        axes.set_title(f"{site}: {_NAMES.get(kind, kind)}", loc="left", fontsize=10)
        axes.legend(loc="upper left", fontsize=7, ncols=4, frameon=False)
        locator = dates.AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    target = BytesIO()
    figure.savefig(target, format="png", dpi=110)
    return target.getvalue()


def _alarm_words(outlook: CapacityOutlook, site: str, kind: str) -> str:
    """The worst days of alarm in words; they stand above the panel, since labels at the points would overlap."""
    rows = outlook.rows
    own = rows[(rows["site_code"] == site) & (rows["capacity_kind"] == kind) & rows["is_alarm"]]
    worst = own.sort_values("p90_qty", ascending=False).drop_duplicates("event_code")
    worst = worst.sort_values("p90_qty", ascending=False).head(_MOST_NAMED)
    return ", ".join(
        f"{str(row.event_code).replace('_', ' ') or 'other days'} {row.target_on:%d %b}: {row.utilisation_pct:.0f} %"
        for row in worst.itertuples()
    )


def _days(numbers: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> "np.ndarray[tuple[int], np.dtype[np.datetime64]]":
    return (EPOCH + numbers).astype("datetime64[D]")
