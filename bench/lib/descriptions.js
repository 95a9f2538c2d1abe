/** Set-ups that more than one part of the benchmark measures, described by the bricks of a checkout's own lib/engines. */
'use strict';

module.exports = ({ brick, outputs }) => ({
  /** A load balancer with so many outputs. */
  balancer: (count = 4, options = {}) => () => brick('LoadBalancer', options).connectInput('in').connectOutput(...outputs(count)),

  /** Load balancer, merge, load balancer. */
  chain() {
    const second = brick('LoadBalancer').connectInput('joined}0').connectOutput(...outputs(4));
    const merge = brick('Merge').connectInput('a}0', 'a}1', 'a}2', 'a}3').connectOutput('joined{0');
    return brick('LoadBalancer').connectInput('in').connectOutput('a{0', 'a{1', 'a{2', 'a{3').link(merge, second);
  },

  duplicator: () => brick('Duplicator').connectInput('in').connectOutput(...outputs(4)),
});
