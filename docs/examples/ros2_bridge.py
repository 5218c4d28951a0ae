#!/usr/bin/env python3
"""Verdicts from purecam's socket as ROS 2 messages.

    ./ros2_bridge.py /run/purecam/verdicts.sock                # a node named purecam, frame id camera
    ./ros2_bridge.py /run/purecam/verdicts.sock --print        # what it would publish, without ROS

One bridge per camera, each with its own names; what follows --ros-args is ROS's own:

    ./ros2_bridge.py /run/purecam-front/verdicts.sock --node purecam_front --frame-id front_camera \\
        --ros-args -r __ns:=/robot -r '~/classification:=/front/seen'

| topic              | type                            | what                                                          |
|--------------------|---------------------------------|---------------------------------------------------------------|
| `~/classification` | vision_msgs/Classification      | the most probable classes, or the labels that are present     |
| `~/suspicion`      | diagnostic_msgs/DiagnosticArray | only with detect.enabled: WARN if the verdict is suspicious,  |
|                    |                                 | else OK; values: suspicion (0 to 1), suspicious, label        |

Both messages about a verdict have the same stamp, the time of capture, and the same frame id. The bridge reads whatever has
piled up before it publishes, and then publishes the newest verdict, unless its frame is older than the service's own
max_age_ms: a bridge that was held up never passes on an old verdict as a new one. With
`-r '~/suspicion:=/diagnostics'` a suspicious verdict is a warning among the robot's diagnostics.

The bridge may start before purecam and outlives its restarts: it connects again for ever. Verdicts that were withheld are
no lines, so a subscriber must treat silence as "nothing known" (lifespan and deadline below say after how long).
"""

import argparse
import json
import select
import socket
import sys
import time
from datetime import datetime

SILENCE_MS = 1000
PAUSE_S = 0.5


def boot_id():
    """This machine's boot, on whose monotonic clock captured_monotonic_ns counts; "" if it is not known."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


BOOT_ID = boot_id()


def verdicts(path):
    """The newest verdict, as a dictionary, each time that there is a newer one; broken connections are made again."""
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                stream.connect(path)
                yield from newest(stream)
        except (OSError, ValueError) as error:
            print(f"{path}: {error}; again in {PAUSE_S} s", file=sys.stderr)
        time.sleep(PAUSE_S)


def newest(stream):
    """The newest verdict of all that has piled up in the stream, again and again, unless it is too old."""
    rest, max_age_ms = b"", SILENCE_MS
    while True:
        chunk = stream.recv(65536)
        if not chunk:
            return
        rest += chunk
        while chunk and select.select([stream], [], [], 0)[0]:
            chunk = stream.recv(65536)
            rest += chunk
        *lines, rest = rest.split(b"\n")
        verdict = None
        for line in lines:
            found = json.loads(line)
            if "schema" in found:
                # The verdicts after a header come from other models.
                verdict, max_age_ms = None, found.get("max_age_ms") or SILENCE_MS
            else:
                verdict = found
        if verdict is not None and age_ns(verdict) <= max_age_ms * 1_000_000:
            yield verdict


def age_ns(verdict):
    """How long ago the frame was captured, in nanoseconds: by the monotonic clock if it is this machine's, else by the wall clock."""
    captured = verdict.get("captured_monotonic_ns")
    if captured is not None and BOOT_ID and verdict.get("boot_id") == BOOT_ID:
        return time.monotonic_ns() - captured
    captured = datetime.fromisoformat(verdict["captured_at"].replace("Z", "+00:00")).timestamp()
    return time.time_ns() - round(captured * 1e6) * 1000


def stamp(verdict):
    """When the frame was captured, on the wall clock as it is now: seconds and nanoseconds since 1970."""
    return divmod(time.time_ns() - age_ns(verdict), 1_000_000_000)


def hypotheses(verdict):
    """Labels and their confidence. A classifier of many labels says which are present, maybe none; `top` has absent ones too."""
    return [(entry["label"], entry["confidence"]) for entry in verdict.get("present", verdict["top"])]


def suspicion(verdict):
    """What `~/suspicion` says, as key and text; nothing if suspicion is not measured."""
    if verdict["suspicion"] is None:
        return []
    return [("suspicion", f"{verdict['suspicion']:.3f}"), ("suspicious", str(verdict["suspicious"]).lower()), ("label", verdict["label"])]


def publish(path, name, frame_id, ros_arguments):
    import rclpy
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
    from rclpy.duration import Duration
    from rclpy.qos import QoSProfile
    from vision_msgs.msg import Classification, ObjectHypothesis

    rclpy.init(args=ros_arguments)
    node = rclpy.create_node(name)
    silence = Duration(nanoseconds=SILENCE_MS * 1_000_000)
    # The newest verdict and no other, and none that is older than the silence that a subscriber tolerates.
    newest = QoSProfile(depth=1, deadline=silence, lifespan=silence)
    classifications = node.create_publisher(Classification, "~/classification", newest)
    suspicions = node.create_publisher(DiagnosticArray, "~/suspicion", newest)

    def stamped(message, verdict):
        message.header.frame_id = frame_id
        message.header.stamp.sec, message.header.stamp.nanosec = stamp(verdict)
        return message

    for verdict in verdicts(path):
        if not rclpy.ok():
            break
        message = stamped(Classification(), verdict)
        message.results = [ObjectHypothesis(class_id=label, score=score) for label, score in hypotheses(verdict)]
        classifications.publish(message)
        values = [KeyValue(key=key, value=value) for key, value in suspicion(verdict)]
        if values:
            level, said = (DiagnosticStatus.WARN, "suspicious") if verdict["suspicious"] else (DiagnosticStatus.OK, "not suspicious")
            status = DiagnosticStatus(level=level, name=f"{node.get_name()}: suspicion", message=said, hardware_id=frame_id, values=values)
            message = stamped(DiagnosticArray(), verdict)
            message.status = [status]
            suspicions.publish(message)


def main():
    ours, ros = sys.argv[1:], []
    if "--ros-args" in ours:
        at = ours.index("--ros-args")
        ours, ros = ours[:at], ours[at:]
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("socket")
    arguments.add_argument("--node", default="purecam", help="the node's name; default: purecam")
    arguments.add_argument("--frame-id", default="camera", help="the frame id of every message; default: camera")
    arguments.add_argument("--print", action="store_true", help="print instead of publishing; needs no ROS")
    arguments = arguments.parse_args(ours)
    if not arguments.print:
        return publish(arguments.socket, arguments.node, arguments.frame_id, ros)
    for verdict in verdicts(arguments.socket):
        print(*stamp(verdict), hypotheses(verdict), *suspicion(verdict), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
