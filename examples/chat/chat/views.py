"""The chat's pages: ordinary views. What is live happens in consumers.py."""

from django.shortcuts import get_object_or_404, redirect, render

from .forms import RoomForm
from .models import KEPT_MESSAGES, Message, Room


def index(request):
    """List the rooms; open another one."""
    form = RoomForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return redirect(form.save())
    rooms = Room.objects.with_activity()
    return render(request, "chat/index.html", {"rooms": rooms, "form": form})


def room(request, slug):
    """Show a room. Its people and messages come through the socket."""
    context = {
        "room": get_object_or_404(Room, slug=slug),
        "rooms": Room.objects.all(),
        "name_length": Message._meta.get_field("name").max_length,
        "text_length": Message._meta.get_field("text").max_length,
        "kept_messages": KEPT_MESSAGES,
    }
    return render(request, "chat/room.html", context)
