from django.channels import Channel


@Channel.consumer("discovered.views")
def consume(**content):
    pass
