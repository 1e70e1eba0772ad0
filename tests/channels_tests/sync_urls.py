from django.urls import include, path

from .urls import hello

urlpatterns = [path("a/", include([path("", hello)]))]
