from django.urls import path

from budgeting.views import changes, imports, journals, year_ends

app_name = "budgeting"
urlpatterns = [
    path("budgets/changes/", changes.change_list, name="changes"),
    path("budgets/changes/new/", changes.new, name="new"),
    path("budgets/changes/<uuid:pk>/", changes.change, name="change"),
    path("budgets/changes/<uuid:pk>/edit/", changes.edit, name="edit"),
    path("budgets/changes/<uuid:pk>/<str:action>/", changes.perform, name="perform"),
    path("budgets/import/", imports.bring, {"kind": "budgets"}, name="import_budgets"),
    path("budgets/journals/import/", imports.bring, {"kind": "journals"}, name="import_journals"),
    path("budgets/imports/<uuid:pk>/", imports.file_import, name="import"),
    path("budgets/year-ends/", year_ends.year_end_list, name="year_ends"),
    path("budgets/year-ends/<uuid:pk>/", year_ends.year_end, name="year_end"),
    path("budgets/year-ends/<uuid:pk>/<str:action>/", year_ends.perform, name="perform_year_end"),
    path("budgets/journals/", journals.journal_list, name="journals"),
    path("budgets/journals/<uuid:pk>/", journals.journal, name="journal"),
    path("budgets/journals/<uuid:pk>/reverse/", journals.reverse_journal, name="reverse"),
]
