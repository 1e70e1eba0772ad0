"""
The pages. A room's socket has the path of its page, so the consumers find the
room with these patterns too.
"""

from django.urls import path

from . import views

app_name = "chat"

urlpatterns = [
    path("", views.index, name="index"),
    path("rooms/<str:slug>/", views.room, name="room"),
]
