from tasks import views

from django.urls import path

urlpatterns = [path("push/", views.push), path("done/", views.done)]
