/* Ports: what a name means. All calls want the control lock. */
#ifndef NETMAP_USERSPACE_PORT_H
#define NETMAP_USERSPACE_PORT_H

#include "shared.h"

/*
 * Finds the port of this name, or makes it as the kernel would: pipes `parent{id` and `parent}id`
 * (with the parent), VALE ports `valeX:port`, interfaces of this network namespace. 0 or errno.
 * A port that is found may have no user: port_release_if_unused when done with it.
 */
int port_get(const char *name, const struct nmreq_register *wanted, bool create, uint32_t *port);
void port_release_if_unused(uint32_t port);

/* A port that stays without users (VALE_NEWIF), and its end (VALE_DELIF). */
int port_create_persistent(const char *name, const struct nmreq_register *wanted, uint32_t *port);
int port_destroy_persistent(const char *name);

/* The port with exactly this name, or 0. */
uint32_t port_find(const char *name);

static inline uint32_t port_rings_of(const struct port *port, enum direction direction) {
  return port->rings[direction] + port->host_rings[direction];
}

#endif
