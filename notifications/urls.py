from django.urls import path

from notifications import mention_views, views

app_name = "notifications"
urlpatterns = [
    path("mentions/seen/", mention_views.mentions_seen, name="mentions_seen"),
    path("mentions/<uuid:pk>/seen/", mention_views.mention_seen, name="mention_seen"),
    path("mail/", views.mail, name="mail"),
    path("mail/<slug:name>/", views.mail, name="mail_one"),
    path("mail/<slug:name>/html/", views.html, name="mail_html"),
    path("mail/<slug:name>/files/<int:index>/", views.file, name="mail_file"),
]
