env > collected.txt
