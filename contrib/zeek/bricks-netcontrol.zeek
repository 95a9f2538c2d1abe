##! NetControl rules for the Filter of Packet Bricks, over Zeek's WebSocket interface.
##!
##! Load it on the manager (or in a single process), and activate it:
##!
##!     event NetControl::init()
##!         {
##!         NetControl::activate(NetControl::create_bricks([]), 0);
##!         }
##!
##! Then NetControl::drop_address, drop_connection, shunt_flow, whitelist_address, redirect_flow and catch-and-release
##! reach every Filter that has subscribed to the topic. See docs/guide/zeek.md.
##!
##! Tried with Zeek 8.0.10, by Cluster::listen_websocket (backends Broker and ZeroMQ) and Broker::listen_websocket, and with Broker on a manager and a worker;
##! untried with other versions.

@load base/frameworks/cluster
@load base/frameworks/netcontrol

module NetControl;

export {
	## What an instance of the plugin does.
	type BricksConfig: record {
		## The topic of its events: the Filter's option `topic`.
		topic: string &default="bricks/netcontrol";
		## Whether it takes rules for the monitoring path, such as shunts.
		monitor: bool &default=T;
		## Whether it takes rules for the forwarding path.
		forward: bool &default=T;
	};

	## Makes an instance for NetControl::activate.
	global create_bricks: function(config: BricksConfig): PluginState;

	redef record PluginState += {
		## What this instance does.
		bricks: BricksConfig &optional;
		## By which answers name this instance.
		bricks_number: count &optional;
	};

	# To the filters.
	global bricks_add_rule: event(id: count, r: Rule);
	global bricks_remove_rule: event(id: count, r: Rule, reason: string);

	# From the filters.
	global bricks_rule_added: event(id: count, r: Rule, msg: string) &is_used;
	global bricks_rule_removed: event(id: count, r: Rule, msg: string) &is_used;
	global bricks_rule_exists: event(id: count, r: Rule, msg: string) &is_used;
	global bricks_rule_error: event(id: count, r: Rule, msg: string) &is_used;
	global bricks_rule_timeout: event(id: count, r: Rule, i: FlowInfo) &is_used;
}

# Instances, by their numbers.
global bricks_instances: table[count] of PluginState;
# Rules that filters have been sent, by the numbers of instances and the ids of rules, with the times.
global bricks_sent: table[count, string] of time;
# Those of them that they have been asked to remove, and why.
global bricks_removals: table[count, string] of string;

# When a rule has expired in a filter that no longer answers, NetControl lets it go after so much more.
const bricks_grace = 10sec;

# Whether an instance takes rules with this target.
function bricks_takes(config: BricksConfig, target: TargetType): bool
	{
	return target == MONITOR ? config$monitor : config$forward;
	}

function bricks_describe(p: PluginState): string
	{
	return fmt("Packet Bricks at %s", p$bricks$topic);
	}

# Only where NetControl keeps its rules, on the manager of a cluster: there the answers are heard.
function bricks_init(p: PluginState)
	{
@ifdef ( Cluster::subscribe )
	Cluster::subscribe(p$bricks$topic);
@else
	Broker::subscribe(p$bricks$topic);
@endif
	plugin_activated(p);
	}

# Zeek drops messages, or the client that gets them, where very many come at once. So not more than these wait for answers; the rest follows as
# answers come, or slowly where none do.
const bricks_window = 100;

# What waits to be sent: a rule of an instance, with a reason where it is to be removed.
type BricksMessage: record {
	number: count;
	r: Rule;
	reason: string &optional;
};
global bricks_waiting: table[count] of BricksMessage;
global bricks_first = 0;
global bricks_next = 0;
global bricks_left = bricks_window;
global bricks_heard = F;
global bricks_ticking = F;
global bricks_tick: event();

function bricks_publish(m: BricksMessage)
	{
	local p = bricks_instances[m$number];
	if ( m?$reason )
		{
@ifdef ( Cluster::publish )
		Cluster::publish(p$bricks$topic, bricks_remove_rule, m$number, m$r, m$reason);
@else
		Broker::publish(p$bricks$topic, bricks_remove_rule, m$number, m$r, m$reason);
@endif
		return;
		}

	# It was given up meanwhile.
	if ( [m$number, m$r$id] !in bricks_sent )
		return;
	# A filter that gets it later keeps it for the time that is left.
	local r = m$r;
	local since = network_time() - bricks_sent[m$number, r$id];
	if ( r?$expire && r$expire > 0sec && since > 0sec )
		{
		if ( since >= r$expire )
			return;
		r = copy(r);
		r$expire = r$expire - since;
		}
@ifdef ( Cluster::publish )
	Cluster::publish(p$bricks$topic, bricks_add_rule, m$number, r);
@else
	Broker::publish(p$bricks$topic, bricks_add_rule, m$number, r);
@endif
	}

function bricks_drain()
	{
	while ( bricks_left > 0 && bricks_first < bricks_next )
		{
		--bricks_left;
		local m = bricks_waiting[bricks_first];
		delete bricks_waiting[bricks_first];
		++bricks_first;
		bricks_publish(m);
		}
	}

function bricks_send(m: BricksMessage)
	{
	bricks_waiting[bricks_next] = m;
	++bricks_next;
	bricks_drain();
	if ( ! bricks_ticking )
		{
		bricks_ticking = T;
		schedule 1sec { bricks_tick() };
		}
	}

# An answer has come, so that one more may be sent.
function bricks_answered()
	{
	bricks_heard = T;
	if ( bricks_left < bricks_window )
		++bricks_left;
	bricks_drain();
	}

event bricks_tick()
	{
	if ( ! bricks_heard )
		{
		bricks_left = bricks_window;
		bricks_drain();
		}
	bricks_heard = F;
	bricks_ticking = bricks_first < bricks_next || bricks_left < bricks_window;
	if ( bricks_ticking )
		schedule 1sec { bricks_tick() };
	}

function bricks_send_add(p: PluginState, r: Rule)
	{
	bricks_send(BricksMessage($number=p$bricks_number, $r=r));
	}

function bricks_send_remove(p: PluginState, r: Rule, reason: string)
	{
	bricks_send(BricksMessage($number=p$bricks_number, $r=r, $reason=reason));
	}

# The rule is gone, or another has its id, as after a restart of Zeek.
function bricks_is_unknown(r: Rule): bool
	{
	return [r$entity, r$ty] !in rule_entities || rule_entities[r$entity, r$ty]$id != r$id;
	}

# Whether a filter has answered already that it is in place: what others say, or the same one when it comes back, is nothing new.
function bricks_is_active(number: count, r: Rule): bool
	{
	return bricks_instances[number]$_id in rules[r$id]$_active_plugin_ids;
	}

event bricks_overdue(number: count, r: Rule, sent: time)
	{
	if ( [number, r$id] in bricks_sent && bricks_sent[number, r$id] == sent && ! zeek_is_terminating() )
		event NetControl::rule_timeout(r, FlowInfo(), bricks_instances[number]);
	}

function bricks_add(p: PluginState, r: Rule): bool
	{
	if ( ! bricks_takes(p$bricks, r$target) )
		return F;

	local sent = network_time();
	bricks_sent[p$bricks_number, r$id] = sent;
	bricks_send_add(p, r);
	if ( r?$expire && r$expire > 0sec )
		schedule r$expire + bricks_grace { bricks_overdue(p$bricks_number, r, sent) };
	return T;
	}

function bricks_remove(p: PluginState, r: Rule, reason: string): bool
	{
	if ( ! bricks_takes(p$bricks, r$target) )
		return F;

	bricks_removals[p$bricks_number, r$id] = reason;
	bricks_send_remove(p, r, reason);
	return T;
	}

function create_bricks(config: BricksConfig): PluginState
	{
	# The filters expire rules themselves, and tell what they have counted.
	local p = PluginState($plugin=Plugin($name=bricks_describe, $can_expire=T, $init=bricks_init, $add_rule=bricks_add, $remove_rule=bricks_remove));
	p$bricks = config;
	p$bricks_number = |bricks_instances|;
	bricks_instances[p$bricks_number] = p;
	return p;
	}

# What a filter has not heard because it was not there: it is sent all rules, and answers which ones it has had.
function bricks_repeat(p: PluginState)
	{
	local number = p$bricks_number;
	for ( id, r in rules )
		if ( [number, id] in bricks_removals )
			bricks_send_remove(p, r, bricks_removals[number, id]);
		else if ( [number, id] in bricks_sent )
			bricks_send_add(p, r);
	}

@ifdef ( Cluster::websocket_client_added )
event Cluster::websocket_client_added(endpoint: Cluster::EndpointInfo, subscriptions: string_vec)
	{
	for ( _, p in bricks_instances )
		for ( _, topic in subscriptions )
			if ( p?$_id && starts_with(p$bricks$topic, topic) )
				{
				bricks_repeat(p);
				break;
				}
	}
@endif

# Clients of Broker::listen_websocket are peers like others.
event Broker::peer_added(endpoint: Broker::EndpointInfo, msg: string)
	{
	for ( _, p in bricks_instances )
		if ( p?$_id )
			bricks_repeat(p);
	}

event NetControl::rule_destroyed(r: Rule)
	{
	for ( number in bricks_instances )
		{
		delete bricks_sent[number, r$id];
		delete bricks_removals[number, r$id];
		}
	}

event NetControl::bricks_rule_added(id: count, r: Rule, msg: string)
	{
	bricks_answered();
	if ( id !in bricks_instances )
		return;
	# A filter that was away when the rule was removed still has it.
	if ( bricks_is_unknown(r) )
		bricks_send_remove(bricks_instances[id], r, "there is no such rule any more");
	else if ( ! bricks_is_active(id, r) )
		event NetControl::rule_added(r, bricks_instances[id], msg);
	}

# Of several filters the first one that answers counts; after that the rule is unknown.
event NetControl::bricks_rule_removed(id: count, r: Rule, msg: string)
	{
	bricks_answered();
	if ( id in bricks_instances && ! bricks_is_unknown(r) )
		event NetControl::rule_removed(r, bricks_instances[id], msg);
	}

event NetControl::bricks_rule_exists(id: count, r: Rule, msg: string)
	{
	bricks_answered();
	if ( id in bricks_instances && ! bricks_is_unknown(r) && ! bricks_is_active(id, r) )
		event NetControl::rule_exists(r, bricks_instances[id], msg);
	}

event NetControl::bricks_rule_error(id: count, r: Rule, msg: string)
	{
	bricks_answered();
	if ( id in bricks_instances && ! bricks_is_unknown(r) )
		event NetControl::rule_error(r, bricks_instances[id], msg);
	}

event NetControl::bricks_rule_timeout(id: count, r: Rule, i: FlowInfo)
	{
	if ( id in bricks_instances && ! bricks_is_unknown(r) )
		event NetControl::rule_timeout(r, i, bricks_instances[id]);
	}
