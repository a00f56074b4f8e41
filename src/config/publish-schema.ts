/** The four publish settings, of the bridge and of a device, and what each publishes. */
export const PUBLISH_FLAGS = {
  publish_depth_first_all: "Whether devices/<path>/all is published: every point of a scrape in one message.",
  publish_breadth_first_all:
    "Whether devices/all/<path reversed> is published: the same, for subscribers by unit.",
  publish_depth_first: "Whether devices/<path>/<point> is published: a message for each point.",
  publish_breadth_first:
    "Whether devices/<point>/<path reversed> is published: a message for each point, by point.",
} as const;
