from django.channels import Channel


@Channel.consumer("discovered.consumers")
def consume(**content):
    pass
