"""Write the tables of this folder anew: ``python sample_data/make.py [FOLDER]``.

Four are tables that scikit-learn carries, written out as CSV. ``customers.csv`` and ``pedidos.csv``
are synthetic: their people do not exist, and their faults were put there on purpose; so is
``parity.csv``, the question that ended the first age of neural networks. The same script gives the
same bytes everywhere, and a test holds the files in the repository to that.
"""

import csv
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from math import exp, log
from pathlib import Path
from random import Random
from statistics import NormalDist

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_wine

Row = list[str]

CUSTOMERS = 1970
DUPLICATES = 30
ORDERS = 1200
SIGNALS = 400
TODAY = date(2025, 1, 31)
CITIES = {
    "Madrid": ("madrid", "Madird", "MADRID"),
    "Barcelona": ("barcelona", "Barcelna"),
    "Valencia": ("valencia", "Valenica"),
    "Sevilla": ("sevilla", "Sevila"),
    "Málaga": ("Malaga", "málaga"),
    "Bilbao": ("bilbao", "Bilboa"),
}
FEES = {"basic": 12.0, "standard": 24.0, "premium": 39.0}
HEADER = [
    "customer",
    "signup_date",
    "last_login",
    "city",
    "plan",
    "payment",
    "age",
    "monthly_fee",
    "hours_per_week",
    "support_calls",
    "late_payments",
    "satisfaction",
    "churned",
]


def main() -> None:
    """Write every table into the folder that is given, by default this one."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    write_all(folder)


def write_all(folder: Path) -> None:
    """Write the seven tables into ``folder``."""
    cancer, wine, digits = load_breast_cancer(), load_wine(), load_digits()
    diabetes = load_diabetes(scaled=False)
    # scikit-learn keeps UCI's numbers for the cultivars; their names are in Forina et al. (1986).
    cultivars = ("Barolo", "Grignolino", "Barbera")
    write(
        folder / "breast_cancer.csv",
        [*map(snake_case, cancer.feature_names), "diagnosis"],
        with_target(cancer.data, [str(cancer.target_names[code]) for code in cancer.target]),
    )
    write(
        folder / "wine.csv",
        [*map(snake_case, wine.feature_names), "cultivar"],
        with_target(wine.data, [cultivars[code] for code in wine.target]),
    )
    write(
        folder / "digits.csv",
        [*digits.feature_names, "digit"],
        with_target(digits.data, [number(code) for code in digits.target]),
    )
    write(
        folder / "diabetes.csv",
        [*diabetes.feature_names, "disease_progression"],
        with_target(diabetes.data, [number(value) for value in diabetes.target]),
    )
    write(folder / "customers.csv", HEADER, customers())
    write(folder / "parity.csv", ["left", "right", "equal"], parity())
    (folder / "pedidos.csv").write_bytes(orders().encode("latin-1"))


def write(path: Path, header: Sequence[str], rows: list[Row]) -> None:
    """Write one CSV: UTF-8, LF, quotes only where a cell needs them."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)


def with_target(features: np.ndarray, target: list[str]) -> list[Row]:
    """Rows of text: the features ``(n, d)`` and then the target."""
    return [
        [*map(number, row), label] for row, label in zip(features.tolist(), target, strict=True)
    ]


def number(value: float) -> str:
    """The shortest decimal that reads back as the same number: 17.99, 101, 0.00007."""
    return np.format_float_positional(float(value), trim="-")


def snake_case(name: str) -> str:
    """The name in lower case, with ``_`` for blanks and slashes."""
    return name.lower().replace(" ", "_").replace("/", "_")


def parity() -> list[Row]:
    """Two noisy bits and whether they are equal: as many rows of each of the four corners."""
    draw, noise = Random(1969), NormalDist(0, 0.15)
    rows = []
    for i in range(SIGNALS):
        left, right = i % 2, i // 2 % 2
        seen = [f"{bit + noise.inv_cdf(1 - draw.random()):.3f}" for bit in (left, right)]
        rows.append([*seen, "yes" if left == right else "no"])
    return rows


def customers() -> list[Row]:
    """The synthetic table: true rows first, then the faults that real tables have."""
    # Only random() is drawn from: its stream is the one that Python promises to keep.
    draw = Random(173)
    rows, identifier = [], 0
    for _ in range(CUSTOMERS):
        identifier += 1 + int(3 * draw.random())
        rows.append(customer(identifier, draw))
    spoil(rows, Random(174))
    return rows


def customer(identifier: int, draw: Random) -> Row:
    """One customer without faults; all columns but the city together say who leaves."""
    signup = TODAY - timedelta(days=30 + int(2160 * draw.random()))
    years = (TODAY - signup).days / 365.25
    idle = min(int(exponential(draw, 18)), (TODAY - signup).days)
    city = choose(draw, dict(zip(CITIES, (0.3, 0.24, 0.16, 0.12, 0.1, 0.08), strict=True)))
    plan = choose(draw, {"basic": 0.45, "standard": 0.35, "premium": 0.2})
    payment = choose(draw, {"card": 0.55, "bank transfer": 0.3, "cash": 0.15})
    age = round(min(max(normal(draw, 44, 14), 18), 92))
    fee = round(FEES[plan] * (0.85 + 0.3 * draw.random()), 2)
    hours = round(exp(normal(draw, 1.5, 0.6)), 1)
    calls = poisson(draw, 1.6)
    late = poisson(draw, 0.7)
    satisfaction = min(max(round(normal(draw, 3.4, 1.0)), 1), 5)
    z = (
        -7.4
        + 0.9 * calls
        + 1.2 * late
        - 1.2 * (satisfaction - 3)
        + 0.06 * idle
        - 0.5 * (years - 3)
        + {"basic": 0.7, "standard": 0.0, "premium": -0.5}[plan]
        + {"card": -0.3, "bank transfer": 0.0, "cash": 1.4}[payment]
        # Two bends that no straight line follows: a high price for little use drives people
        # away, and so does being much younger or older than most.
        + 0.4 * min(fee / hours, 12)
        + 0.9 * ((age - 44) / 14) ** 2
    )
    leaves = draw.random() < 1 / (1 + exp(-z))
    return [
        f"{identifier:06d}",
        signup.isoformat(),
        (TODAY - timedelta(days=idle)).isoformat(),
        city,
        plan,
        payment,
        str(age),
        number(fee),
        number(hours),
        str(calls),
        str(late),
        str(satisfaction),
        "yes" if leaves else "no",
    ]


def spoil(rows: list[Row], draw: Random) -> None:
    """Put in what real tables have: gaps, near spellings, impossible ages, repeated rows."""
    place = {name: HEADER.index(name) for name in HEADER}
    for row in rows:
        city = row[place["city"]]
        if draw.random() < 0.06:
            spellings = CITIES[city]
            row[place["city"]] = spellings[int(len(spellings) * draw.random())]
        for column, share, marks in (
            ("last_login", 0.03, ("",)),
            ("city", 0.02, ("",)),
            ("age", 0.04, ("", "NA")),
            ("hours_per_week", 0.03, ("NA",)),
            ("satisfaction", 0.08, ("?",)),
        ):
            if draw.random() < share:
                row[place[column]] = marks[int(len(marks) * draw.random())]
    for age in ("-25", "-25", "-25", "-25", "210", "210", "210"):
        rows[int(len(rows) * draw.random())][place["age"]] = age
    for _ in range(DUPLICATES):
        repeated = rows[int(len(rows) * draw.random())]
        rows.insert(int(len(rows) * draw.random()), list(repeated))


def orders() -> str:
    """A synthetic table as a Spanish spreadsheet exports it: a title, ;, decimal commas, d/m/Y."""
    draw = Random(175)
    lines = ["Pedidos de la tienda en línea, enero a diciembre de 2024", ""]
    lines.append("Pedido;Fecha;Región;Sección;Importe;Descuento;Artículos;Devuelto")
    for order in range(1, ORDERS + 1):
        day = date(2024, 1, 1) + timedelta(days=int(366 * draw.random()))
        region = choose(draw, {"Cádiz": 0.3, "La Coruña": 0.2, "Málaga": 0.3, "León": 0.2})
        section = choose(draw, {"Electrónica": 0.4, "Niños": 0.35, "Jardín": 0.25})
        amount = round(exp(normal(draw, 5.5, 1.1)), 2)
        share = round(0.5 * draw.random(), 3)
        articles = 1 + poisson(draw, 2.5)
        z = (
            -3.2
            + 0.9 * (log(amount) - 5.5)
            + 4.0 * share
            + {"Electrónica": 1.4, "Niños": 0.6, "Jardín": -0.8}[section]
            + 0.3 * articles
            + (1.2 if day.month in (1, 12) else 0.0)
        )
        returned = "sí" if draw.random() < 1 / (1 + exp(-z)) else "no"
        cells = [f"{order:05d}", f"{day:%d/%m/%Y}", region, section, spanish(amount, 2)]
        lines.append(";".join([*cells, spanish(share, 3), str(articles), returned]))
    return "\r\n".join([*lines, ""])


def spanish(value: float, places: int) -> str:
    """A number as a Spanish spreadsheet writes it: 1.234,50."""
    return f"{value:,.{places}f}".translate({ord(","): ".", ord("."): ","})


def choose(draw: Random, shares: dict[str, float]) -> str:
    """One of the names, each as often as its share; the shares sum to 1."""
    left = draw.random()
    for name, share in shares.items():
        left -= share
        if left < 0:
            return name
    return name


def normal(draw: Random, mean: float, deviation: float) -> float:
    """A draw from N(mean, deviation²), by the inverse of its distribution function."""
    return NormalDist(mean, deviation).inv_cdf(draw.random())


def exponential(draw: Random, mean: float) -> float:
    """A draw from the exponential distribution, by the inverse of its distribution function."""
    return -mean * log(1 - draw.random())


def poisson(draw: Random, mean: float) -> int:
    """A Poisson count: how many draws can be multiplied before the product is below e^−mean."""
    count, product = 0, draw.random()
    while product > exp(-mean):
        count, product = count + 1, product * draw.random()
    return count


if __name__ == "__main__":
    main()
