"""What the benchmarks of sockets, jobs and growth have handled."""

from django.channels import Channel, Group


@Channel.consumer("websocket.connect")
def connect(reply_channel, path):
    if path == "/group/":
        Group("everybody").add(reply_channel)


@Channel.consumer("websocket.receive")
def receive(reply_channel, path, content):
    if path == "/group/":
        Group("everybody").send(content=content)
    elif path == "/growth/":
        grow(reply_channel, *content.split())
    else:
        Channel(reply_channel).send(content=content)


def grow(reply_channel, what, *numbers):
    """Have more of something, or send to a group; an answer comes of each."""
    numbers = [int(number) for number in numbers]
    if what == "group":
        Group(f"growth.{numbers[0]}").send(content=what)
        return
    if what == "join":
        for number in range(*numbers):
            Group(f"growth.{number}").add(reply_channel)
    elif what == "queue":
        for number in range(*numbers):
            # There is no consumer: it waits.
            Channel("growth").send(number=number)
    Channel(reply_channel).send(content=what)


@Channel.consumer("jobs", durable=True)
def job():
    # Only processes that count jobs are told how many there are.
    from tally import tally

    tally()
