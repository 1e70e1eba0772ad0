from django import forms
from django.utils.text import slugify

from .models import Room


class RoomForm(forms.ModelForm):
    class Meta:
        model = Room
        fields = ["name"]

    def clean_name(self):
        name = self.cleaned_data["name"]
        if not slugify(name, allow_unicode=True):
            raise forms.ValidationError("A name needs a letter or a digit.")
        return name

    def save(self):
        """Return the room of that name, which may be there already."""
        name = self.cleaned_data["name"]
        slug = slugify(name, allow_unicode=True)
        room, _ = Room.objects.get_or_create(slug=slug, defaults={"name": name})
        return room
