/* The control calls: NIOCCTRL and the older NIOCREGIF and NIOCGINFO. 0 or errno. */
#ifndef NETMAP_USERSPACE_REQUEST_H
#define NETMAP_USERSPACE_REQUEST_H

#include "shared.h"

int request_control(uint32_t open, struct nmreq_header *header);
int request_register_older(uint32_t open, struct nmreq *request);
int request_information_older(uint32_t open, struct nmreq *request);

#endif
