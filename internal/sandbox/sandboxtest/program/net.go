//go:build linux

package main

import (
	"context"
	"errors"
	"net"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func socket(family, kind, protocol int) attempt {
	return func() error {
		fd, err := unix.Socket(family, kind, protocol)
		if err == nil {
			_ = unix.Close(fd)
		}
		return err
	}
}

// sockets are those that see or leave more than a connection.
func sockets([]string) map[string]attempt {
	return map[string]attempt{
		"packet":       socket(unix.AF_PACKET, unix.SOCK_RAW, 0x0300),
		"packet, old":  socket(unix.AF_INET, 10, 0x0300),
		"raw ip":       socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW),
		"raw icmp":     socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP),
		"raw ipv6":     socket(unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_RAW),
		"hypervisor":   socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0),
		"crypto":       socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0),
		"bluetooth":    socket(unix.AF_BLUETOOTH, unix.SOCK_RAW, 0),
		"netfilter":    socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER),
		"audit":        socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT),
		"device event": socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_KOBJECT_UEVENT),
		"xdp":          socket(unix.AF_XDP, unix.SOCK_RAW, 0),
		"keys":         socket(unix.AF_KEY, unix.SOCK_RAW, 2),
	}
}

// dial tries to reach "network=address", and names by DNS.
func dial(targets []string) map[string]attempt {
	tries := map[string]attempt{}
	for _, target := range targets {
		network, address, _ := strings.Cut(target, "=")
		tries[target] = func() error { return reach(network, address) }
	}
	tries["a name"] = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_, err := (&net.Resolver{PreferGo: true}).LookupHost(ctx, "example.com")
		return err
	}
	tries["a name of a server"] = func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, "8.8.8.8:53")
		}}
		_, err := resolver.LookupHost(ctx, "example.com")
		return err
	}
	return tries
}

// serve listens where others of the same network namespace could connect.
func serve([]string) map[string]attempt {
	return map[string]attempt{"serve": func() error {
		first, err := net.Listen("tcp", "127.0.0.1:8099")
		if err != nil {
			return err
		}
		second, err := net.Listen("unix", "@zeblit-test-inside")
		if err != nil {
			return err
		}
		println("ready")
		time.Sleep(time.Hour)
		return errors.Join(first.Close(), second.Close())
	}}
}

// reach connects, or sends a datagram.
func reach(network, address string) error {
	connection, err := net.DialTimeout(network, address, 2*time.Second)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close() }()
	if _, err := connection.Write([]byte("hello")); err != nil {
		return err
	}
	if network == "udp" {
		// What nobody refuses was sent somewhere. The refusal may take a moment.
		for range 40 {
			time.Sleep(50 * time.Millisecond)
			if _, err = connection.Write([]byte("hello")); err != nil {
				break
			}
		}
	}
	return err
}
