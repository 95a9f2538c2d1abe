/* Binding an open to the rings of a port, and giving them back. With the control lock. */
#ifndef NETMAP_USERSPACE_BINDING_H
#define NETMAP_USERSPACE_BINDING_H

#include "shared.h"

/* NETMAP_REQ_REGISTER. Fills what the request returns. 0 or errno. */
int binding_make(uint32_t open, const char *name, struct nmreq_register *request);
/* These opens have been closed, or their processes are dead: takes back all they held. */
void binding_release(const uint32_t *opens, uint32_t count);

/* Fills the sizes that register and port information requests return. */
void binding_describe(const struct port *port, struct nmreq_register *request);

#endif
