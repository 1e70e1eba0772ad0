from jobs import views

from django.urls import path

urlpatterns = [
    path("sync/", views.plain),
    path("async/", views.on_loop),
    path("stream/", views.stream),
    path("upload/", views.upload),
    path("send/<int:number>/", views.send),
    path("large/", views.large),
]
