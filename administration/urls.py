from django.urls import path

from administration.views import changes, duties, people, reserving, services, tolerances

app_name = "administration"
urlpatterns = [
    path("", people.start, name="start"),
    path("people/", people.people, name="people"),
    path("people/new/", people.add, name="add"),
    path("people/<uuid:pk>/", people.person, name="person"),
    path("people/<uuid:pk>/deactivate/", people.deactivate, name="deactivate"),
    path("people/<uuid:pk>/propose/<str:kind>/", changes.propose_for_person, name="propose"),
    path("changes/", changes.changes, name="changes"),
    path("changes/<uuid:pk>/", changes.change, name="change"),
    path("changes/<uuid:pk>/withdraw/", changes.withdraw, name="withdraw"),
    path("settings/", changes.settings, name="settings"),
    path("services/", services.service_owners, name="services"),
    path("reserving/", reserving.reserving, name="reserving"),
    path("tolerances/", tolerances.tolerances, name="tolerances"),
    path("tolerances/new/", tolerances.add, name="add_tolerance"),
    path("tolerances/<uuid:pk>/", tolerances.tolerance, name="tolerance"),
    path("segregation/", duties.segregation, name="segregation"),
]
