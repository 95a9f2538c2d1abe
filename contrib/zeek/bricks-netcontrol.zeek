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

# Whether an instance takes rules with this target.
function bricks_takes(config: BricksConfig, target: TargetType): bool
	{
	return target == MONITOR ? config$monitor : config$forward;
	}

function bricks_describe(p: PluginState): string
	{
	return fmt("Packet Bricks at %s", p$bricks$topic);
	}

function bricks_add(p: PluginState, r: Rule): bool
	{
	if ( ! bricks_takes(p$bricks, r$target) )
		return F;

@ifdef ( Cluster::publish )
	Cluster::publish(p$bricks$topic, bricks_add_rule, p$bricks_number, r);
@else
	Broker::publish(p$bricks$topic, bricks_add_rule, p$bricks_number, r);
@endif
	return T;
	}

function bricks_remove(p: PluginState, r: Rule, reason: string): bool
	{
	if ( ! bricks_takes(p$bricks, r$target) )
		return F;

@ifdef ( Cluster::publish )
	Cluster::publish(p$bricks$topic, bricks_remove_rule, p$bricks_number, r, reason);
@else
	Broker::publish(p$bricks$topic, bricks_remove_rule, p$bricks_number, r, reason);
@endif
	return T;
	}

function create_bricks(config: BricksConfig): PluginState
	{
	# The filters expire rules themselves, and tell what they have counted.
	local p = PluginState($plugin=Plugin($name=bricks_describe, $can_expire=T, $add_rule=bricks_add, $remove_rule=bricks_remove));
	p$bricks = config;
	p$bricks_number = |bricks_instances|;
	bricks_instances[p$bricks_number] = p;

	# Answers come on the same topic.
@ifdef ( Cluster::subscribe )
	Cluster::subscribe(config$topic);
@else
	Broker::subscribe(config$topic);
@endif
	return p;
	}

event NetControl::bricks_rule_added(id: count, r: Rule, msg: string)
	{
	if ( id in bricks_instances )
		event NetControl::rule_added(r, bricks_instances[id], msg);
	}

event NetControl::bricks_rule_removed(id: count, r: Rule, msg: string)
	{
	if ( id in bricks_instances )
		event NetControl::rule_removed(r, bricks_instances[id], msg);
	}

event NetControl::bricks_rule_exists(id: count, r: Rule, msg: string)
	{
	if ( id in bricks_instances )
		event NetControl::rule_exists(r, bricks_instances[id], msg);
	}

event NetControl::bricks_rule_error(id: count, r: Rule, msg: string)
	{
	if ( id in bricks_instances )
		event NetControl::rule_error(r, bricks_instances[id], msg);
	}

event NetControl::bricks_rule_timeout(id: count, r: Rule, i: FlowInfo)
	{
	if ( id in bricks_instances )
		event NetControl::rule_timeout(r, i, bricks_instances[id]);
	}
