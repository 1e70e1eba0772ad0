from django.urls import path

from . import views

urlpatterns = [
    path("", views.hello),
    path("async/", views.hello_async),
    path("orm/", views.orm),
    path("template/", views.template),
    path("about/", views.about),
]
