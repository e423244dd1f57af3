// Drives real fargo connections by JSON lines on stdin; answers on stdout, in any order. The argument -json chooses JSON instead of XML.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/hudl/fargo"
	"github.com/op/go-logging"
)

type command struct {
	ID           int               `json:"id"`
	Op           string            `json:"op"`
	Client       string            `json:"client"`
	URL          string            `json:"url"`
	App          string            `json:"app"`
	InstanceID   string            `json:"instanceId"`
	HostName     string            `json:"hostName"`
	IPAddr       string            `json:"ipAddr"`
	Vip          string            `json:"vip"`
	Port         int               `json:"port"`
	SecurePort   int               `json:"securePort"`
	LeaseSeconds int32             `json:"leaseSeconds"`
	HeartbeatMs  int               `json:"heartbeatMs"`
	FetchMs      int               `json:"fetchMs"`
	Metadata     map[string]string `json:"metadata"`
}

type described struct {
	InstanceID string            `json:"instanceId"`
	Status     string            `json:"status"`
	HostName   string            `json:"hostName"`
	IPAddr     string            `json:"ipAddr"`
	IsSecure   bool              `json:"isSecure"`
	Port       int               `json:"port"`
	Metadata   map[string]string `json:"metadata"`
}

// client is what fargo leaves to its application: it heartbeats, registers again when it is not known, and polls.
type client struct {
	connection fargo.EurekaConnection
	options    command
	done       chan struct{}
	lock       sync.Mutex
	apps       map[string]*fargo.Application
	refreshes  int
	watched    string
	least      *int
}

func (c *client) instance() *fargo.Instance {
	c.lock.Lock()
	defer c.lock.Unlock()
	o := c.options
	instance := &fargo.Instance{
		InstanceId:        o.InstanceID,
		HostName:          o.HostName,
		App:               o.App,
		IPAddr:            o.IPAddr,
		VipAddress:        o.Vip,
		Status:            fargo.UP,
		Port:              o.Port,
		PortEnabled:       o.SecurePort == 0,
		SecurePort:        o.SecurePort,
		SecurePortEnabled: o.SecurePort != 0,
		DataCenterInfo:    fargo.DataCenterInfo{Name: fargo.MyOwn},
		LeaseInfo:         fargo.LeaseInfo{RenewalIntervalInSecs: 1, DurationInSecs: o.LeaseSeconds},
	}
	for key, value := range o.Metadata {
		instance.SetMetadataString(key, value)
	}
	return instance
}

func (c *client) poll() {
	apps, err := c.connection.GetApps()
	if err != nil {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	c.apps = apps
	c.refreshes++
	if c.watched == "" {
		return
	}
	count := 0
	if app := apps[c.watched]; app != nil {
		count = len(app.Instances)
	}
	if c.least == nil || count < *c.least {
		c.least = &count
	}
}

func (c *client) heartbeat() {
	err := c.connection.HeartBeatInstance(c.instance())
	if code, ok := fargo.HTTPResponseStatusCode(err); ok && code == 404 {
		_ = c.connection.ReregisterInstance(c.instance())
	}
}

func (c *client) every(interval int, work func()) {
	ticker := time.NewTicker(time.Duration(interval) * time.Millisecond)
	defer ticker.Stop()
	for {
		select {
		case <-c.done:
			return
		case <-ticker.C:
			work()
		}
	}
}

func start(options command, useJSON bool) (*client, error) {
	c := &client{connection: fargo.NewConn(options.URL), options: options, done: make(chan struct{})}
	c.connection.UseJson = useJSON
	if err := c.connection.RegisterInstance(c.instance()); err != nil {
		return nil, err
	}
	c.poll()
	go c.every(options.HeartbeatMs, c.heartbeat)
	go c.every(options.FetchMs, c.poll)
	return c, nil
}

func describe(instances []*fargo.Instance) []described {
	all := []described{}
	for _, i := range instances {
		d := described{i.InstanceId, string(i.Status), i.HostName, i.IPAddr, i.SecurePortEnabled, i.Port, map[string]string{}}
		if i.SecurePortEnabled {
			d.Port = i.SecurePort
		}
		for key := range i.Metadata.GetMap() {
			d.Metadata[key] = fmt.Sprint(i.Metadata.GetMap()[key])
		}
		all = append(all, d)
	}
	return all
}

func (c *client) perform(order command) (interface{}, error) {
	if order.Op == "vip" {
		instances, err := c.connection.GetInstancesByVIPAddress(order.Vip, false)
		return describe(instances), err
	}
	if order.Op == "stop" {
		close(c.done)
		err := c.connection.DeregisterInstance(c.instance())
		if code, ok := fargo.HTTPResponseStatusCode(err); ok && code == 404 {
			// An id with # or ? is cut off in the URL; an application would leave it to its lease.
			return nil, nil
		}
		return nil, err
	}
	if order.Op == "metadata" {
		c.lock.Lock()
		c.options.Metadata = order.Metadata
		c.lock.Unlock()
		return nil, c.connection.ReregisterInstance(c.instance())
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	switch order.Op {
	case "instances":
		if app := c.apps[order.App]; app != nil {
			return describe(app.Instances), nil
		}
		return []described{}, nil
	case "watch":
		c.watched, c.least = order.App, nil
		return nil, nil
	case "least":
		return c.least, nil
	case "refreshes":
		return c.refreshes, nil
	}
	return nil, fmt.Errorf("unknown operation %s", order.Op)
}

type driver struct {
	lock    sync.Mutex
	clients map[string]*client
	useJSON bool
}

func (d *driver) perform(order command) (interface{}, error) {
	if order.Op == "mismatches" {
		return 0, nil
	}
	if order.Op == "start" {
		c, err := start(order, d.useJSON)
		if err == nil {
			d.lock.Lock()
			d.clients[order.Client] = c
			d.lock.Unlock()
		}
		return nil, err
	}
	d.lock.Lock()
	c := d.clients[order.Client]
	d.lock.Unlock()
	if c == nil {
		return nil, fmt.Errorf("no client is called %s", order.Client)
	}
	return c.perform(order)
}

func (d *driver) answer(order command) {
	value, err := d.perform(order)
	line := map[string]interface{}{"id": order.ID, "value": value}
	if err != nil {
		line = map[string]interface{}{"id": order.ID, "error": err.Error()}
	}
	text, err := json.Marshal(line)
	if err != nil {
		panic(err)
	}
	d.lock.Lock()
	defer d.lock.Unlock()
	fmt.Println(string(text))
}

func main() {
	logging.SetLevel(logging.CRITICAL, "fargo")
	d := &driver{clients: map[string]*client{}, useJSON: len(os.Args) > 1 && os.Args[1] == "-json"}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var order command
		if err := json.Unmarshal(lines.Bytes(), &order); err != nil {
			panic(err)
		}
		go d.answer(order)
	}
}
