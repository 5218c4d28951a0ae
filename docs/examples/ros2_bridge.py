#!/usr/bin/env python3
"""Verdicts from purecam's socket as ROS 2 messages (vision_msgs/Classification).

    ./ros2_bridge.py /run/purecam/verdicts.sock                # a node; topic: ~/classification, frame: camera
    ./ros2_bridge.py /run/purecam/verdicts.sock --print        # what it would publish, without ROS

The bridge may start before purecam and outlives its restarts: it connects again for ever. Verdicts that were withheld are
no lines, so a subscriber must treat silence as "nothing known" (lifespan and deadline below say after how long).
"""

import argparse
import json
import socket
import sys
import time
from datetime import datetime

SILENCE_MS = 1000
PAUSE_S = 0.5


def verdicts(path):
    """Every verdict that is published from now on, as a dictionary; the header and broken connections are passed over."""
    while True:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
                stream.connect(path)
                for line in stream.makefile(encoding="utf-8"):
                    verdict = json.loads(line)
                    if "schema" not in verdict:
                        yield verdict
        except (OSError, ValueError) as error:
            print(f"{path}: {error}; again in {PAUSE_S} s", file=sys.stderr)
        time.sleep(PAUSE_S)


def stamp(verdict):
    """When the frame was captured: seconds and nanoseconds since 1970."""
    nanoseconds = round(datetime.fromisoformat(verdict["captured_at"].replace("Z", "+00:00")).timestamp() * 1e6) * 1000
    return divmod(nanoseconds, 1_000_000_000)


def hypotheses(verdict):
    return [(entry["label"], entry["confidence"]) for entry in verdict["top"]]


def publish(path):
    import rclpy
    from rclpy.duration import Duration
    from rclpy.qos import QoSProfile
    from vision_msgs.msg import Classification, ObjectHypothesis

    rclpy.init()
    node = rclpy.create_node("purecam")
    silence = Duration(nanoseconds=SILENCE_MS * 1_000_000)
    # The newest verdict and no other, and none that is older than the silence that a subscriber tolerates.
    newest = QoSProfile(depth=1, deadline=silence, lifespan=silence)
    publisher = node.create_publisher(Classification, "~/classification", newest)
    for verdict in verdicts(path):
        if not rclpy.ok():
            break
        message = Classification()
        message.header.frame_id = "camera"
        message.header.stamp.sec, message.header.stamp.nanosec = stamp(verdict)
        message.results = [ObjectHypothesis(class_id=label, score=score) for label, score in hypotheses(verdict)]
        publisher.publish(message)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("socket")
    arguments.add_argument("--print", action="store_true", help="print instead of publishing; needs no ROS")
    arguments = arguments.parse_args()
    if not arguments.print:
        return publish(arguments.socket)
    for verdict in verdicts(arguments.socket):
        print(*stamp(verdict), hypotheses(verdict), flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
