package ent

import "entgo.io/ent/dialect"

// Through gives the client whose queries go through what wrap makes of this one's driver.
// It is written by hand: generated clients have one driver for good.
func (c *Client) Through(wrap func(dialect.Driver) dialect.Driver) *Client {
	other := &Client{config: c.config}
	other.driver = wrap(c.driver)
	other.init()
	return other
}
