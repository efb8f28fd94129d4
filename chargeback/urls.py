from django.urls import path, re_path

from chargeback.views import rules, statements

app_name = "chargeback"
urlpatterns = [
    path("budgets/statements/", statements.statement_list, name="statements"),
    path("budgets/statements/<uuid:pk>/", statements.statement, name="statement"),
    re_path(
        r"^budgets/statements/(?P<pk>[0-9a-f-]{36})/file/(?P<kind>pdf|csv|xlsx)/$",
        statements.file,
        name="file",
    ),
    re_path(
        r"^budgets/statements/lines/(?P<pk>[0-9a-f-]{36})/(?P<action>dispute|keep|correct)/$",
        statements.answer,
        name="answer",
    ),
    path("budgets/allocation-rules/", rules.rule_list, name="rules"),
    path("budgets/allocation-rules/new/", rules.create, name="rule_new"),
    path("budgets/allocation-rules/<uuid:pk>/", rules.rule, name="rule"),
    path("budgets/allocation-rules/<uuid:pk>/revise/", rules.revise, name="rule_revise"),
    path("budgets/allocation-rules/<uuid:pk>/run/", rules.run, name="rule_run"),
    path("budgets/allocation-rules/<uuid:pk>/consumption/", rules.consumption, name="consumption"),
    path("budgets/allocations/<uuid:pk>/", rules.allocation, name="allocation"),
    path("budgets/allocations/<uuid:pk>/reverse/", rules.reverse_allocation, name="reverse"),
]
