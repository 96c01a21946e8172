"""OpenStack services (oslo.log). A traceback repeats the header on each of its lines."""

from logscan.formats.format import Format

LEVEL = "(?P<level>TRACE|DEBUG|INFO|AUDIT|WARNING|ERROR|CRITICAL)"
CONTEXT = r"\[(?:-|(?:None )?req-[^\]]*|None [^\]]*)\]"
PAYLOAD = ((r"\[instance: [^\]]*\]", "[instance]"), (r'"([A-Z]+) \S* HTTP/', '"${1} <*> HTTP/'))

OPENSTACK = Format(
    name="openstack",
    about="OpenStack: `[file] time pid LEVEL module [request] message`",
    examples=(
        "2026-01-31 01:02:03.456 2931 INFO nova.compute.manager "
        "[req-3ea4052c-895d-4b64-9e2d-04d64c4d94ab - - - - -] VM Started (Lifecycle Event)",
        "nova-api.log.1 2026-01-31 01:02:04.001 25746 INFO nova.osapi_compute.wsgi.server "
        "[req-3ea4052c-895d-4b64-"
        '9e2d-04d64c4d94ab 113d 54fa - - -] 192.0.2.1 "GET /v2/54fa/servers HTTP/1.1" status: 200 len: 1893',
        "2026-01-31 01:02:05.001 2931 WARNING nova.virt.libvirt.imagecache [-] Unknown base file: /var/lib/base",
        "2026-01-31 01:02:06.001 2931 INFO neutron.agent.linux [-] Port update skipped",
        "2026-01-31 01:02:07.001 2931 ERROR nova.compute.manager [-] No host found",
    ),
    header=rf"^(?:\S+\s+)?(?P<time>\d+-\d+-\d+ \d+:\d+:\d+\.\d+) (?P<pid>\d+) {LEVEL} (?P<component>[\w.-]+)"
    rf"(?: {CONTEXT})?(?: |$)(?P<message>.*)$",
    mark=CONTEXT,
    payload=PAYLOAD,
)

OPENSTACK_BARE = Format(
    name="openstack-bare",
    about="OpenStack as journald keeps it, without time and process: `LEVEL module [request] message`",
    examples=(
        "INFO nova.compute.claims [req-3ea4052c-895d-4b64-9e2d-04d64c4d94ab] Claim successful on node n1",
        "INFO os_vif [None req-3ea4052c-895d-4b64-9e2d-04d64c4d94ab admin admin] Successfully plugged vif",
        "ERROR nova.compute.manager [-] Failed to start the guest",
        "ERROR nova.compute.manager Traceback (most recent call last):",
        "ERROR nova.compute.manager ValueError: no such domain",
        "INFO nova.virt.libvirt.driver [-] Instance destroyed successfully.",
    ),
    header=rf"^\s*{LEVEL} (?P<component>[a-z_][\w.-]*)(?: {CONTEXT})?(?: |$)(?P<message>.*)$",
    times=(),
    mark=CONTEXT,
    payload=PAYLOAD,
)
