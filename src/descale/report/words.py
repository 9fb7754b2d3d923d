"""Numbers as people read them."""

from __future__ import annotations

from descale.base.columns import COLUMNS


def points(value: float) -> str:
    """A difference of IoU in points (hundredths).

    >>> points(0.0123), points(0.01)
    ('1.2 points', '1 point')
    """
    shown = f"{100 * value:.1f}".removesuffix(".0")
    return f"{shown} point" if shown == "1" else f"{shown} points"


def short(value: float) -> str:
    """Three digits and a prefix.

    >>> short(11_234_000), short(950), short(3.2e9), short(0.42), short(120.4)
    ('11.2 M', '950', '3.20 G', '0.42', '120')
    """
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{_three(value / limit)} {prefix}"
    text = _three(value) if value % 1 else f"{value:.0f}"
    return text.rstrip("0").rstrip(".") if "." in text else text  # the zeros of 120 count


def tick(value: float) -> str:
    """As :func:`short`, without trailing zeros.

    >>> tick(10_000_000), tick(2_500), tick(0.5)
    ('10 M', '2.5 k', '0.5')
    """
    number, _, prefix = short(value).partition(" ")
    if "." in number:
        number = number.rstrip("0").rstrip(".")
    return f"{number} {prefix}".rstrip()


def amount(value: float | None, cost: str) -> str:
    """A cost with its unit.

    >>> amount(11_234_000, "macs"), amount(280_000, "size_bytes"), amount(4.91, "latency_ms")
    ('11.2 M MACs', '280 kB', '4.91 ms')
    """
    if value is None:
        return "not measured"
    unit = COLUMNS[cost].unit
    text = short(value)
    if unit == "B" and text[-1].isalpha():
        return text + unit
    return f"{text} {unit}"


def span(estimate: float, low: float | None, high: float | None) -> str:
    """An IoU with its interval.

    >>> span(0.5, 0.45, 0.551), span(0.5, None, None)
    ('0.500 (0.450 to 0.551)', '0.500')
    """
    if low is None or high is None:
        return f"{estimate:.3f}"
    return f"{estimate:.3f} ({low:.3f} to {high:.3f})"


def span_points(estimate: float, low: float | None, high: float | None) -> str:
    """A difference of IoU in points with its interval.

    >>> span_points(0.012, -0.004, 0.029)
    '1.2 (-0.4 to 2.9)'
    """
    if low is None or high is None:
        return f"{100 * estimate:.1f}"
    return f"{100 * estimate:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def joined(names: list[str]) -> str:
    """
    >>> joined(["a"]), joined(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _three(value: float) -> str:
    size = abs(value)
    return f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
