from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("mail/", views.mail, name="mail"),
    path("mail/<slug:name>/", views.mail, name="mail_one"),
    path("mail/<slug:name>/html/", views.html, name="mail_html"),
    path("mail/<slug:name>/files/<int:index>/", views.file, name="mail_file"),
]
