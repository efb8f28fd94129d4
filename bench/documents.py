"""(f) The PDF of an order beside WeasyPrint alone on the same HTML, with its default settings."""

from importlib import import_module

from django.template.loader import render_to_string

from bench import life
from bench.measuring import Result, median_ms
from bench.stage import Stage
from core import printing
from purchase_orders import pdf

AIM = 1.3


def run(stage: Stage, *, times: int) -> list[Result]:
    (purchase,) = life.purchases(10, count=1, start=900_000)
    order = life.ordered(stage, purchase)
    content = order.revisions.get().content
    html = render_to_string("pdf/order.html", pdf._page(content))
    weasyprint = import_module("weasyprint")
    ours = median_ms(lambda: pdf.render_order(content), times=times)
    alone = median_ms(lambda: weasyprint.HTML(string=html).write_pdf(), times=times)
    styled = median_ms(
        lambda: weasyprint.HTML(string=html).write_pdf(
            stylesheets=[weasyprint.CSS(string=printing.style_sheet())]
        ),
        times=times,
    )
    return [
        Result("PDF of an order of 10 lines", ours, "ms"),
        Result("… against WeasyPrint alone, same HTML and style", ours / styled, "×", AIM,
               at_least=False, how=f"{styled:.0f} ms; without the style sheet {alone:.0f} ms"),
    ]  # fmt: skip
