"""Drives real py_eureka_client instances by JSON lines on stdin; answers and reports on stdout.

Every client gets a process of its own, as an application has one: the library's heartbeat thread outlives stop() and would register the
instance again. A client's process ends with it, and all end at once when this one is killed.
"""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from multiprocessing import Lock

import py_eureka_client.eureka_basic as eureka_basic
import py_eureka_client.eureka_client as eureka_client

OUTPUT = Lock()


def answer(command, value=None, error=None):
    line = {"id": command["id"], "value": value} if error is None else {"id": command["id"], "error": error}
    with OUTPUT:
        data = (json.dumps(line) + "\n").encode()
        while data:
            data = data[os.write(1, data):]


def finish(work):
    """Runs a coroutine of the library on the event loop of this thread.

    Its lock is shared with the loop of the heartbeat thread, and whoever lets go of it does not wake the loop that waits for it. So ours
    never sleeps for long, as in an application in which other things happen, too.
    """

    async def until_done():
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.wait([task], timeout=0.05)
        return task.result()

    return eureka_client.get_event_loop().run_until_complete(until_done())


class Client:
    def __init__(self, options):
        self.url = options["url"]
        self.watched = None
        self.smallest = None
        self.fetches = 0
        self.client = eureka_client.init(
            eureka_server=self.url,
            app_name=options["app"],
            instance_id=options["instanceId"],
            instance_host=options["hostName"],
            instance_ip=options["ipAddr"],
            instance_port=options["port"],
            instance_unsecure_port_enabled=options["securePort"] == 0,
            instance_secure_port=options["securePort"] or 443,
            instance_secure_port_enabled=options["securePort"] != 0,
            vip_adr=options["vip"],
            metadata=options["metadata"],
            renewal_interval_in_secs=options["heartbeatMs"] / 1000,
            duration_in_secs=options["leaseSeconds"],
        )
        threading.Thread(target=self.observe, daemon=True).start()

    def observe(self):
        """The library reports no fetches: a new document in its hands is one."""
        last = None
        while True:
            delta = getattr(self.client, "_EurekaClient__delta")
            if delta is not last:
                last = delta
                self.fetches += 1
            if self.watched is not None:
                count = len(self.of_application(self.watched))
                self.smallest = count if self.smallest is None else min(count, self.smallest)
            time.sleep(0.01)

    def of_application(self, app):
        held = getattr(self.client, "_EurekaClient__applications")
        return [] if held is None else held.get_application(app).instances

    def instances(self, app, **_):
        return [describe(instance) for instance in self.of_application(app)]

    def vip(self, vip, **_):
        found = asyncio.run(eureka_basic.get_vip(self.url, vip))
        return [describe(instance) for application in found.applications for instance in application.instances]

    def metadata(self, metadata, **_):
        """The library has no call for it: what it holds is changed and registered again."""
        getattr(self.client, "_EurekaClient__instance")["metadata"].update(metadata)
        finish(self.client.register())

    def watch(self, app, **_):
        self.smallest = None
        self.watched = app

    def least(self, **_):
        return self.smallest

    def refreshes(self, **_):
        return self.fetches

    def stop(self, **_):
        finish(eureka_client.stop_async())


def describe(instance):
    is_secure = instance.securePort.enabled
    return {
        "instanceId": instance.instanceId,
        "status": instance.status,
        "hostName": instance.hostName,
        "ipAddr": instance.ipAddr,
        "isSecure": is_secure,
        "port": instance.securePort.port if is_secure else instance.port.port,
        "metadata": instance.metadata,
    }


def live(commands, start):
    """The life of one client's process."""
    try:
        client = Client(start)
    except Exception as error:
        answer(start, error=repr(error))
        os._exit(1)
    answer(start)
    for line in commands:
        command = json.loads(line)
        try:
            value = getattr(client, command["op"])(**{key: command[key] for key in command if key not in ("id", "op")})
            answer(command, value)
        except Exception as error:
            answer(command, error=repr(error))
        if command["op"] == "stop":
            break
    os._exit(0)


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    processes = {}
    for line in sys.stdin:
        command = json.loads(line)
        if command["op"] == "mismatches":
            answer(command, 0)
        elif command["op"] != "start":
            process = processes[command["client"]]
            process.write(line)
            process.flush()
        else:
            reading, writing = os.pipe()
            if os.fork() == 0:
                os.close(writing)
                # A pipe that a sibling holds open, too, would not end with the parent.
                for process in processes.values():
                    os.close(process.fileno())
                live(os.fdopen(reading), command)
            os.close(reading)
            processes[command["client"]] = os.fdopen(writing, "w")


main()
