/*
 * Lays a chip of PersoSim, which we did not write, on a vpcd socket: PersoSim is given to the terminal that listens on the port.
 * Arguments: port, class name of the personalisation. PersoSim's certificate DETESTeID00005.cvcert must lie on the class path.
 */

import de.persosim.simulator.PersoSim;
import de.persosim.simulator.cardobjects.TrustPointCardObject;
import de.persosim.simulator.cardobjects.TrustPointIdentifier;
import de.persosim.simulator.crypto.certificates.CardVerifiableCertificate;
import de.persosim.simulator.perso.DefaultPersoTestPki;
import de.persosim.simulator.perso.Personalization;
import de.persosim.simulator.protocols.ta.TerminalType;
import de.persosim.simulator.tlv.ConstructedTlvDataObject;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.security.Security;
import org.bouncycastle.jce.provider.BouncyCastleProvider;

public class PersoSimChip {
  public static void main(String[] arguments) throws Exception {
    Security.addProvider(new BouncyCastleProvider());
    try (InputStream stream = PersoSimChip.class.getResourceAsStream("/DETESTeID00005.cvcert")) {
      ConstructedTlvDataObject root = new ConstructedTlvDataObject(stream.readAllBytes());
      DefaultPersoTestPki.setStaticTrustPointAt(
          new TrustPointCardObject(new TrustPointIdentifier(TerminalType.AT), new CardVerifiableCertificate(root)));
    }
    PersoSim chip = new PersoSim();
    chip.loadPersonalization((Personalization) Class.forName(arguments[1]).getDeclaredConstructor().newInstance());
    byte[] answerToReset = chip.cardPowerUp();
    System.out.println("ready");
    System.out.flush();
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), Integer.parseInt(arguments[0]))) {
      socket.setTcpNoDelay(true);
      DataInputStream in = new DataInputStream(socket.getInputStream());
      DataOutputStream out = new DataOutputStream(new java.io.BufferedOutputStream(socket.getOutputStream(), 70_000));
      while (true) {
        byte[] message = new byte[in.readUnsignedShort()];
        in.readFully(message);
        byte[] answer;
        if (message.length > 1) {
          answer = chip.processCommand(message);
        } else if (message[0] == 4) {
          answer = answerToReset;
        } else {
          if (message[0] == 0) {
            chip.cardPowerDown();
          } else if (message[0] == 1) {
            answerToReset = chip.cardPowerUp();
          } else {
            chip.cardReset();
          }
          continue;
        }
        out.writeShort(answer.length);
        out.write(answer);
        out.flush();
      }
    } catch (java.io.EOFException | java.net.SocketException gone) {
      // The terminal closed: the chip is taken away.
    }
  }
}
